import { answersMode } from '../../domain/approval/answer.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Call } from '../../domain/call/call.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import { answersOf } from '../../domain/policy/rule.ts';
import type { AnswersMode } from '../../domain/policy/verdict.ts';
import type { AskedKey, AskedRequest } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { answerEvent, recordOfAnswer } from './given.ts';
import { knownRunning } from './running-calls.ts';
import { type AnswerPlace, placeOf } from './unasked-answer.ts';

/** Longest request of a server's that is kept while a gated call runs, in bytes. */
export const LONGEST_REQUEST = 256 * 1024;

/** A request that a server sends while a gated call runs. */
export interface AskedDuringCall extends AskedKey {
  /** The call during which it was sent. */
  readonly approval: string;
  /** The JSON-RPC message. */
  readonly text: string;
}

/**
 * Keeps a server's request, sealed, before the agent sees it, so that every replica knows which call its answer belongs
 * to. Returns why it is not kept, in words for the server; null: it is.
 */
export async function keepServerRequest(
  { tasks, vault, clock }: Pick<Gateway, 'clock' | 'tasks' | 'vault'>,
  { approval, text, grant, server, session, key }: AskedDuringCall,
): Promise<string | null> {
  const bytes = new TextEncoder().encode(text);
  if (bytes.byteLength > LONGEST_REQUEST) return whyTooLong(bytes.byteLength);
  const kept = vault.seal('result', rowOf(approval), bytes);
  const place = { grant, server, session, key };
  const digest = vault.digest('outcome', bytes);
  if (await tasks.keepRequest({ ...place, approval, digest, kept, at: clock.now() })) return null;
  return 'the gated call is over, or 32 of its requests wait for an answer already';
}

/** Why a request of this many bytes is not kept, in words for the server. One byte too many may stand for any number. */
export function whyTooLong(bytes: number): string {
  const size = bytes === LONGEST_REQUEST + 1 ? `more than ${LONGEST_REQUEST}` : `${bytes}`;
  return `it has ${size} bytes, and what a server asks during a gated call has at most ${LONGEST_REQUEST} (256 KiB), because a person has to be shown it`;
}

/** The request that an answer with this id is meant for; null: none that was sent during a gated call. */
export function findServerRequest(
  gateway: Pick<Gateway, 'rules' | 'tasks'>,
  { key, ...place }: AskedKey,
): Promise<AskedRequest | null> {
  return gateway.tasks.findRequest(placeOf(gateway, place), key);
}

/** The same for several answers at once: whether any of them is meant for such a request. */
export function hasServerRequest(
  gateway: Pick<Gateway, 'rules' | 'tasks'>,
  place: AnswerPlace,
  keys: readonly string[],
): Promise<boolean> {
  return gateway.tasks.hasRequest(placeOf(gateway, place), keys);
}

/**
 * The gated call that runs at this place, so that a request of the server's may be about it; null: none does. `strict`:
 * only one whose answers need a yes.
 */
export async function gatedCallIn(
  gateway: Pick<Gateway, 'leases' | 'rules' | 'store' | 'storeWatch' | 'tasks'>,
  place: AnswerPlace,
  strict: boolean,
): Promise<string | null> {
  const at = placeOf(gateway, place);
  const [found, running] = await Promise.all([gateway.tasks.runningIn(at, strict), knownRunning(gateway, at)]);
  if (found !== null) return found;
  const isMeant = ({ session }: (typeof running)[number]): boolean =>
    session === null || (session !== undefined && (at.session === null || session === at.session));
  return running.find((call) => (!strict || call.strict) && isMeant(call))?.id ?? null;
}

/** The request as it came, a JSON-RPC message. */
export function textOfRequest({ vault }: Pick<Gateway, 'vault'>, { approval, kept }: AskedRequest): string {
  return new TextDecoder().decode(vault.open('result', rowOf(approval), kept));
}

/**
 * Whether the answer to such a request needs a yes of its own. Where several gated calls run in its session, a server's
 * request may be about any of them, so the strictest decides.
 */
export async function modeForAnswer(
  gateway: Parameters<typeof gatedCallIn>[0],
  { requirement, server, tool, grant }: Approval,
  { session }: Pick<AskedRequest, 'session'>,
): Promise<AnswersMode> {
  const policy = gateway.rules.policy(server);
  const own = answersMode(requirement.answers, policy === null ? 'ask' : answersOf(policy, tool));
  if (own === 'ask') return 'ask';
  return (await gatedCallIn(gateway, { grant, server, session }, true)) === null ? 'allow' : 'ask';
}

/**
 * Records an answer before it is sent, in one transaction with its event (P7). `call`: the gated call, with what the
 * agent answers in `params.answer`. `late`: the request was answered before, or the call is over; a freeze: it stops the
 * answer. Then nothing is sent.
 */
export async function takeAnswer(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'erasures' | 'knownFreezes' | 'rules' | 'tasks' | 'vault'>,
  { n, approval }: Pick<AskedRequest, 'n' | 'approval'>,
  call: Call,
): Promise<'taken' | 'late' | Freeze> {
  const now = gateway.clock.now();
  const { server, tool, principal } = call;
  const place = { server, grant: principal.grant };
  const answer = await recordOfAnswer(gateway, call, { kind: 'request', parent: approval, leg: null, at: now });
  const event = answerEvent({ id: approval, server, tool, grant: principal.grant }, answer);
  if (await answered(gateway, { n, approval, now, unlessFrozen: place }, answer.given, event)) return 'taken';
  return (await gateway.knownFreezes.lookAgain(place)) ?? 'late';
}

/**
 * Closes a request whose answer nobody will send, so that the server can be told so instead. `why`: for people. False:
 * it was answered meanwhile.
 */
export async function closeRequest(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'tasks' | 'vault'>,
  { n, approval }: Pick<AskedRequest, 'n' | 'approval'>,
  leg: Approval,
  why: string,
): Promise<boolean> {
  const now = gateway.clock.now();
  const given = { at: now.toISOString(), leg: leg.id, digest: gateway.vault.digest('outcome', why), text: `(${why})` };
  const event = {
    ...answerEvent({ ...leg, id: approval }, { given, told: { answers: { error: why } } }),
    actor: 'holdfast',
  };
  return answered(gateway, { n, approval, now }, given, event);
}

async function answered(
  { tasks, announcer }: Pick<Gateway, 'announcer' | 'tasks'>,
  asked: Parameters<Gateway['tasks']['answerRequest']>[0],
  given: Parameters<Gateway['tasks']['answerRequest']>[1],
  event: ReturnType<typeof answerEvent>,
): Promise<boolean> {
  const approval = await tasks.answerRequest(asked, given, [event]);
  if (approval !== null) announcer.announce(approval);
  return approval !== null;
}

/** The answer was provably not sent, so the request waits again. Never rejects. */
export function reopenAsked({ tasks, retries }: Pick<Gateway, 'retries' | 'tasks'>, n: number): Promise<void> {
  return retries.run(() => tasks.reopenRequest(n));
}

function rowOf(approval: string): string {
  return `asked ${approval}`;
}
