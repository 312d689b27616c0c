import { ended } from '../../text/ended.ts';
import { decimal } from '../json/decimal.ts';
import type { Json, JsonObject } from '../json/json.ts';
import { COPIED_AT_ONCE, REDACTED, type RedactedCopy, type Redaction, redactedCopySteps } from '../json/redact.ts';
import { headerText, numberText } from './header-value.ts';
import { HiddenMask } from './hidden-mask.ts';
import type { HiddenValues, Sent } from './sent.ts';

/** What is shown of a call: copies of everything that is forwarded, with secret values replaced. */
export interface ShownCall {
  readonly arguments: JsonObject;
  readonly sent: Sent;
  readonly hidden: HiddenValues;
}

/** What is shown of a call, and what hides the same in whatever else is shown beside it. */
export interface RedactedCall {
  readonly shown: ShownCall;
  readonly mask: HiddenMask;
}

/** A call as far as it is shown. */
interface WholeCall {
  readonly args: JsonObject;
  readonly sent: Sent;
  /** What the call sends although it is not shown here: what that hides is hidden here too. */
  readonly beside?: Sent;
}

/** What is shown of a call; see `redacting`. */
export function redactCall(call: WholeCall, redaction: Redaction): ShownCall {
  return redactedCall(call, redaction).shown;
}

export function redactedCall(call: WholeCall, redaction: Redaction): RedactedCall {
  return ended(redacting(call, redaction));
}

/**
 * Hides what a policy hides, in the arguments and in what is forwarded besides them. Paths lead into the arguments
 * (`args.`), the other members of `params` and of `_meta`; headers are hidden by name, and where they repeat a hidden
 * argument. What is hidden is then hidden wherever else it stands in the call, in names too (P8). Yields now and then.
 */
export function* redacting(call: WholeCall, redaction: Redaction): Generator<void, RedactedCall> {
  const args = yield* redactedCopySteps(call.args, redaction, 'args');
  yield;
  const [params, meta, named] = yield* redactedSteps(call.sent, redaction);
  yield;
  const headers = yield* withoutHiddenValues(named, call.args, args.value);
  const copies = [args, params, meta, headers];
  const beside = call.beside === undefined ? [] : yield* redactedSteps(call.beside, redaction);
  const mask = yield* HiddenMask.of([...copies, ...beside].flatMap(({ hidden }) => hidden));
  yield;
  const masked = {
    args: yield* mask.object(args.value),
    params: yield* mask.object(params.value),
    meta: yield* mask.object(meta.value),
    headers: yield* mask.object(headers.value),
  };
  const byValue = Object.values(masked).reduce((sum, { masked: count }) => sum + count, 0);
  const shown = {
    arguments: masked.args.value,
    sent: { params: masked.params.value, meta: masked.meta.value, headers: masked.headers.value },
    hidden: { ...hiddenIn(copies), ...(byValue === 0 ? {} : { byValue }) },
  };
  return { shown, mask };
}

/** What hides in other texts what is hidden of a call, without a copy of the call to be shown. Yields now and then. */
export function* maskOf({ args, sent }: WholeCall, redaction: Redaction): Generator<void, HiddenMask> {
  const copies = [yield* redactedCopySteps(args, redaction, 'args'), ...(yield* redactedSteps(sent, redaction))];
  return yield* HiddenMask.of(copies.flatMap(({ hidden }) => hidden));
}

function* redactedSteps({ params, meta, headers }: Sent, redaction: Redaction) {
  return [
    yield* redactedCopySteps(params, redaction, 'params'),
    yield* redactedCopySteps(meta, redaction, 'meta'),
    yield* redactedCopySteps(headers, { ...redaction, paths: [] }, 'params'),
  ] as const;
}

/**
 * A header may repeat a hidden argument under another name (2026-07-28, `x-mcp-header`); then its value is hidden too.
 * The policy did not declare that, and the caller chose the name, so it counts as hidden by name.
 */
function* withoutHiddenValues(
  copy: RedactedCopy<JsonObject>,
  args: JsonObject,
  shownArgs: JsonObject,
): Generator<void, RedactedCopy<JsonObject>> {
  const names = Object.keys(copy.value);
  if (names.length === 0) return copy;
  const [sent, shown] = [yield* textsIn(args), yield* textsIn(shownArgs)];
  const value: Record<string, Json> = { ...copy.value };
  let { byName } = copy;
  for (const name of names) {
    const said = readingsOf(String(copy.value[name]));
    const isIn = (texts: ReadonlySet<string>): boolean => said.some((text) => texts.has(text));
    if (!isIn(sent) || isIn(shown)) continue;
    value[name] = REDACTED;
    byName += 1;
  }
  return { ...copy, value, byName };
}

/** Every single value as a header may spell it. Yields now and then. */
function* textsIn(value: Json): Generator<void, Set<string>> {
  const texts = new Set<string>();
  const rest: Json[] = [value];
  let read = 0;
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    read += 1;
    if (read % COPIED_AT_ONCE === 0) yield;
    if (typeof next !== 'object') texts.add((typeof next === 'number' ? decimal(next) : null) ?? String(next));
    else if (next !== null) for (const inner of Object.values(next)) rest.push(inner as Json);
  }
  return texts;
}

/** What a header may say: its text, and the number that this is, however it is written. */
function readingsOf(value: string): readonly string[] {
  const text = headerText(value) ?? value;
  const number = numberText(text);
  return number === null ? [text] : [text, number];
}

function hiddenIn(copies: readonly RedactedCopy[]): HiddenValues {
  return {
    byPolicy: copies.reduce((sum, { byPolicy }) => sum + byPolicy, 0),
    byName: copies.reduce((sum, { byName }) => sum + byName, 0),
  };
}
