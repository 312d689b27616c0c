import type { AskedKey, AskedPlace } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { mayAskAt } from './may-ask-at.ts';
import { knownRunning } from './running-calls.ts';

/** Where an agent's answer arrives, or a server's request. */
export type AnswerPlace = Omit<AskedKey, 'key'>;

/** The same with every name under which the config reaches that upstream. */
export function placeOf({ rules }: Pick<Gateway, 'rules'>, { grant, server, session }: AnswerPlace): AskedPlace {
  return { grant, servers: rules.alike(server), session };
}

/**
 * Why answers that no gated call of this grant has asked for must not be sent; null: they are passed on.
 *
 * | what runs at this upstream | answer to what was seen asked outside gated calls, in this session | any other answer |
 * |---|---|---|
 * | no gated call whose answers need a yes | passed on | passed on |
 * | one of this grant, in whatever session | passed on | `unseen`: it may come before its question |
 * | one of another grant, waiting for an answer with the same id | passed on where both have a session, else `others` | `others` |
 * | one of this grant that waits for an answer with this id, whatever `findServerRequest` found | `unseen` | `unseen` |
 * | anything, while what is kept of requests is not what a gateway left | passed on in a session, while no such call runs; else `unseen`, `others` | the same where no call is ever gated; else `unseen`, `others` |
 *
 * That nothing of the kind runs or was asked is never taken from a search in the store: the set of unanswered requests is
 * read whole, and calls are counted that this process or a witness knows (decision 0041).
 */
export async function whyUnasked(
  gateway: Pick<Gateway, 'leases' | 'rules' | 'sets' | 'store' | 'storeWatch' | 'tasks'>,
  place: AnswerPlace,
  keys: readonly string[],
): Promise<'unseen' | 'others' | null> {
  const at = placeOf(gateway, place);
  const [{ plain, others, gated, ...found }, running] = await Promise.all([
    gateway.tasks.whoseAnswers(at, keys),
    knownRunning(gateway, at),
  ]);
  const strict = found.strict || running.some((call) => call.strict);
  if (gated === null || gateway.sets.isAtFault('asked_requests')) {
    if (place.session === null) return 'others';
    return strict || !(plain || !mayAskAt(gateway.rules, place.server)) ? 'unseen' : null;
  }
  if (others && !(plain && place.session !== null)) return 'others';
  return gated || (strict && !plain) ? 'unseen' : null;
}

/** Remembers requests that a server sent while no gated call could be meant by them, before the agent sees them. */
export async function notePlainRequests(
  { tasks, clock }: Pick<Gateway, 'clock' | 'tasks'>,
  place: AnswerPlace,
  keys: readonly string[],
): Promise<void> {
  await tasks.notePlainRequests({ ...place, keys, at: clock.now() });
}

/** Such a request was answered, so that another answer is none to it. Never rejects. */
export function plainRequestAnswered(
  gateway: Pick<Gateway, 'retries' | 'rules' | 'tasks'>,
  place: AnswerPlace,
  key: string,
): Promise<void> {
  return gateway.retries.run(() => gateway.tasks.forgetPlainRequest(placeOf(gateway, place), key));
}
