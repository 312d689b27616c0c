import type { AskedKey, AskedPlace } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

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
 * | anything, while what is kept of requests is not what a gateway left | as any other answer, and `others` without a session | the same |
 */
export async function whyUnasked(
  gateway: Pick<Gateway, 'rules' | 'sets' | 'tasks'>,
  place: AnswerPlace,
  keys: readonly string[],
): Promise<'unseen' | 'others' | null> {
  const { plain, strict, others } = await gateway.tasks.whoseAnswers(placeOf(gateway, place), keys);
  if (gateway.sets.isAtFault('asked_requests')) return place.session === null ? 'others' : strict ? 'unseen' : null;
  if (others && !(plain && place.session !== null)) return 'others';
  return strict && !plain ? 'unseen' : null;
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
