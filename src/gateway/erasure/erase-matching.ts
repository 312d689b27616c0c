import { NO_SUBJECT } from '../../domain/log/event.ts';
import type { Erasures, MatchingApproval } from '../../ports.ts';
import { actorOf } from '../decision/actor.ts';
import { noteRefusal, type Operator, operates } from '../freeze/set-freeze.ts';
import type { Gateway } from '../gateway.ts';
import { type DataErasure, eraseData } from './erase-data.ts';
import { removeSamples } from './remove-samples.ts';

/** Approvals of one request. They are looked for in so many pages of the newest, of so many approvals each. */
const MOST_MATCHING = 100;
const MOST_PAGES = 100;
const PAGE = 2_000;

/** What became of one approval that has the text in it; null: nothing was done. */
export interface MatchedErasure {
  readonly approval: MatchingApproval;
  readonly done: DataErasure | null;
}

export type MatchedErasures =
  | {
      readonly kind: 'found';
      readonly items: readonly MatchedErasure[];
      /** There are more: ask again. */
      readonly more: boolean;
      /** Samples with this text that were removed. */
      readonly samples: number;
    }
  | { readonly kind: 'not_an_operator' };

/**
 * Erases what was called with this text in it: of a person, a customer. `reason` is null: only says which approvals these are. The text
 * is in no event: it is what is to be forgotten.
 */
export async function eraseMatching(
  gateway: Parameters<typeof eraseData>[0] & Pick<Gateway, 'journal'>,
  text: string,
  reason: string | null,
  operator: Operator,
): Promise<MatchedErasures> {
  const { clock, erasures, journal, rules, samples, store } = gateway;
  if (!operates(rules, operator)) {
    await noteRefusal(gateway, { operator, asked: 'erase' });
    return { kind: 'not_an_operator' };
  }
  const found = await matching(erasures, text);
  const meant = found.slice(0, MOST_MATCHING);
  const actor = actorOf(operator);
  if (reason === null) {
    const data = { what: 'matching', approvals: meant.length };
    journal.note({ ...NO_SUBJECT, type: 'admin.read', at: clock.now(), actor, data });
  }
  const items: MatchedErasure[] = [];
  for (const approval of meant) {
    items.push({ approval, done: reason === null ? null : await eraseData(gateway, approval.id, reason, operator) });
  }
  const removed =
    reason === null
      ? 0
      : await removeSamples(gateway, await samples.servers(), ({ arguments: args, sent }) =>
          saysSo([args, sent], text),
        );
  if (removed > 0) {
    const data = { reason, via: operator.via, samples: removed };
    await store.append([{ ...NO_SUBJECT, type: 'data.erased', at: clock.now(), actor, data }]);
  }
  return { kind: 'found', items, more: found.length > meant.length, samples: removed };
}

async function matching(erasures: Erasures, text: string): Promise<readonly MatchingApproval[]> {
  const all: MatchingApproval[] = [];
  let before: string | null = null;
  for (let page = 0; page < MOST_PAGES && all.length <= MOST_MATCHING; page += 1) {
    const { found, next }: Awaited<ReturnType<Erasures['matching']>> = await erasures.matching(text, {
      before,
      among: PAGE,
    });
    all.push(...found);
    if (next === null) break;
    before = next;
  }
  return all;
}

/** As the search in the store has it: in the JSON text. */
function saysSo(said: unknown, text: string): boolean {
  return JSON.stringify(said).includes(JSON.stringify(text).slice(1, -1));
}
