import type { RequestOrigin } from '../../domain/source.ts';
import type { GuessThrottle } from '../../gateway/state/guess-throttle.ts';
import { type Log, Unavailable, Unstorable } from '../../ports.ts';
import { refusalWithId, rpcError } from '../protocol/response.ts';
import type { Arrived } from './arrived.ts';
import { endedWith } from './ended-with.ts';
import { admitAgent, type TurnedAway } from './entrance.ts';
import { heardRefusal } from './heard-refusal.ts';
import { FailedPost } from './post.ts';
import { idOfRefused } from './refused-id.ts';
import type { AgentVisit, DoorContext } from './visit.ts';

/** What admission needs besides the door's context. */
export interface AdmissionDeps {
  readonly log: Log;
  /** Where a request came from; absent: the other end of its socket. */
  readonly addressOf?: (origin: RequestOrigin) => string | null;
  /** Counts wrong tokens; absent in tests of the door alone. */
  readonly guesses?: Pick<GuessThrottle, 'wrong'>;
}

/** Turns a request away, or has it handled and answers what went wrong: its answer in any case. */
export async function receive(
  deps: AdmissionDeps,
  context: DoorContext,
  arrived: Arrived,
  handle: (visit: AgentVisit) => Promise<Response>,
): Promise<Response> {
  const { name, headers, outgoing, request } = arrived;
  const judged = admitAgent(context, headers, name);
  // A grant's own token is judged at once, and nothing is waited for.
  const admitted = judged instanceof Promise ? await judged : judged;
  if (admitted.kind === 'turned_away') return turnedAway(deps, context, arrived, admitted);
  const { server, principal, token, listening, about } = admitted;
  context.access?.used(principal.grant, server.name, about);
  const ending = context.visits.begin(request.method === 'GET' ? listening : token, server.name);
  const done = outgoing === null ? null : ending.onEnd(() => void outgoing.destroy());
  try {
    const answer = await handle({ context, request, outgoing, headers, server, principal, ending });
    if (outgoing === null) return endedWith(ending, answer);
    if (!outgoing.writableEnded && !outgoing.destroyed) outgoing.once('close', done!);
    else done!();
    return answer;
  } catch (thrown) {
    done?.();
    return failed(deps, request, { grant: principal.grant, server: server.name }, thrown);
  }
}

/** Where a request came from; null: nobody knows. */
export function addressOf({ addressOf }: Pick<AdmissionDeps, 'addressOf'>, origin: RequestOrigin): string | null {
  if (addressOf !== undefined) return addressOf(origin);
  const env = origin.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress ?? null;
}

async function turnedAway(
  deps: AdmissionDeps,
  context: DoorContext,
  { name, headers, request, origin }: Arrived,
  turned: TurnedAway,
): Promise<Response> {
  const { grant } = turned;
  const address = addressOf(deps, origin);
  const seconds = turned.guessed ? (deps.guesses?.wrong(address, null) ?? null) : null;
  const response = seconds === null ? turned.response : tooManyGuesses(seconds);
  const known = context.servers(name) === undefined ? null : name;
  const why = turned.why === null ? {} : { why: turned.why };
  const subject = { door: 'mcp', status: response.status, server: known, grant, ...why } as const;
  context.access?.refused({ ...subject, address });
  const idText = await idOfRefused(request, headers);
  const answer = idText === null ? response : refusalWithId(response, idText);
  return request.method === 'POST' && !(turned.challenges && seconds === null) ? heardRefusal(headers, answer) : answer;
}

function failed(
  { log }: AdmissionDeps,
  { signal }: Arrived['request'],
  subject: { readonly grant: string; readonly server: string },
  thrown: unknown,
): Response {
  const { error, idText } = thrown instanceof FailedPost ? thrown : { error: thrown, idText: 'null' };
  if (error instanceof Unstorable) {
    log.info({ ...subject, why: error.message }, 'a request cannot be kept');
    return rpcError(400, -32_600, UNSTORABLE);
  }
  if (error instanceof Unavailable) {
    log.error({ ...subject, part: error.part, why: error.message }, 'cannot answer');
    const why = `The gateway's ${error.part} cannot answer, so this request was not completed. Try again later.`;
    return rpcError(503, 503, why, idText);
  }
  // Whoever breaks off a hundred requests must not fill the operator's log with errors.
  if (signal.aborted) log.info(subject, 'a request was broken off by its sender');
  else log.error({ ...subject, error: String(error) }, 'a request failed');
  return rpcError(500, 500, 'The gateway failed on this request. Its operator finds the reason in its log.', idText);
}

const UNSTORABLE =
  'Not forwarded: this request holds text that cannot be kept (a NUL character, half of a surrogate pair, or an id of ' +
  'thousands of characters). Leave it out, or shorten it.';

function tooManyGuesses(seconds: number): Response {
  const why = `Too many wrong tokens came from this address. Wait ${seconds} seconds; a right one passes.`;
  return rpcError(429, 429, why, 'null', { 'retry-after': String(seconds) });
}
