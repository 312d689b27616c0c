import type { HiddenValues, Sent } from '../../domain/call/sent.ts';
import type { Json } from '../../domain/json/json.ts';
import type { RuleTrace } from '../../domain/policy/verdict.ts';
import type { Seals } from '../../ports.ts';
import { shownDigest } from './sealed-rows.ts';

/** The columns of what is shown of a call, as their own texts. */
export interface ShownTexts {
  readonly arguments: string;
  readonly sent: string;
  readonly hidden: string;
  readonly trace: string;
}

/** What is shown of a call, read, and its digest. */
export interface ShownColumns {
  readonly arguments: Json;
  readonly sent: Sent;
  readonly hidden: HiddenValues;
  readonly trace: RuleTrace;
  readonly digest: string;
}

/** Shorter texts are read anew: that takes no longer than looking for them. In UTF-16 units, all four together. */
const SHORTEST_KEPT = 64 * 1024;
/** The most that is kept of texts, in UTF-16 units; what was used last stays. */
const MOST_KEPT = 4 * 1024 * 1024;

interface Kept {
  readonly texts: ShownTexts;
  readonly shown: ShownColumns;
}

const keptBySeals = new WeakMap<Seals, Kept[]>();

/**
 * Reads what is shown of a call. One large call is read by each of its callers, for its card, with every change of its
 * state; so the last few large ones are kept, with the texts that they were read from. Only the very same texts are
 * taken for what was read from them, so a changed row never passes for an earlier one.
 */
export function shownCall(seals: Seals, row: ShownTexts): ShownColumns {
  if (lengthOf(row) < SHORTEST_KEPT) return read(seals, row);
  const kept = keptBySeals.get(seals) ?? [];
  keptBySeals.set(seals, kept);
  const at = kept.findIndex(({ texts }) => areSame(texts, row));
  const found = kept[at] ?? { texts: textsOf(row), shown: read(seals, row) };
  if (at !== -1) kept.splice(at, 1);
  kept.unshift(found);
  let length = 0;
  const over = kept.findIndex(({ texts }) => {
    length += lengthOf(texts);
    return length > MOST_KEPT;
  });
  if (over !== -1) kept.length = over;
  return found.shown;
}

function read(seals: Seals, row: ShownTexts): ShownColumns {
  return {
    arguments: JSON.parse(row.arguments) as Json,
    sent: JSON.parse(row.sent) as Sent,
    hidden: JSON.parse(row.hidden) as HiddenValues,
    trace: JSON.parse(row.trace) as RuleTrace,
    digest: shownDigest(seals, row),
  };
}

/** Not the row itself, whose other columns would be kept too. */
function textsOf({ arguments: args, sent, hidden, trace }: ShownTexts): ShownTexts {
  return { arguments: args, sent, hidden, trace };
}

function lengthOf({ arguments: args, sent, hidden, trace }: ShownTexts): number {
  return args.length + sent.length + hidden.length + trace.length;
}

/** Texts of different lengths are told apart at once. */
function areSame(one: ShownTexts, other: ShownTexts): boolean {
  return (
    one.arguments === other.arguments &&
    one.sent === other.sent &&
    one.hidden === other.hidden &&
    one.trace === other.trace
  );
}
