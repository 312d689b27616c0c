import type { Approval } from '../../domain/approval/approval.ts';
import { looseState } from '../../domain/call/loose-state.ts';
import { earlierOf, laterOf } from '../../time/two-clocks.ts';
import type { Gateway } from '../gateway.ts';

/**
 * Milliseconds for which a state of a server's (2026-07-28, `requestState`) is remembered after it was issued. Nobody
 * but the server knows how long it takes it.
 */
const REMEMBERED_MS = 30 * 24 * 60 * 60_000;

/** A request that brings a state of its server's, or is answered with one. */
export interface StateBearer {
  readonly grant: string;
  readonly server: string;
  /** Its method, and the tool, prompt or resource that it names. */
  readonly request: string;
}

/**
 * Remembers that this state belongs to a gated call, also after it was spent: a server may take it again, with another
 * tool that needs no approval, and go on there with what was approved.
 *
 * | a request that policy does not ask about brings the state | then |
 * |---|---|
 * | no gated call at this upstream was given it in the last 30 days | it passes |
 * | one was, of whatever grant, waiting, answered or over | refused (400) |
 * | the server gave the very same state to this kind of request of this grant later | it passes: the state is the same for everybody and tells nothing of the gated call |
 * | it gave it to this kind of request earlier, and the gated call is another grant's | the same |
 * | the refused request comes again without the state | the server asks it anew, and the row above applies |
 */
export async function issueStateToCall(
  { tasks, vault, clock }: Pick<Gateway, 'clock' | 'tasks' | 'vault'>,
  { id, grant, server }: Pick<Approval, 'id' | 'grant' | 'server'>,
  state: string | null,
): Promise<void> {
  if (!state) return;
  const at = clock.now();
  const until = new Date(laterOf(clock).getTime() + REMEMBERED_MS);
  await tasks.issueState({ digest: vault.digest('state', looseState(state)), grant, server, approval: id, at, until });
}

/** Remembers that an allowed request was given this state, where a gated call was given the same one before. */
export async function noteStateOfRequest(
  { tasks, vault, clock, rules }: Pick<Gateway, 'clock' | 'rules' | 'tasks' | 'vault'>,
  { grant, server, request }: StateBearer,
  state: string,
): Promise<void> {
  if (state === '') return;
  const at = clock.now();
  const until = new Date(at.getTime() + REMEMBERED_MS);
  await tasks.noteIssuedState({
    digests: vault.digests('state', looseState(state)),
    request: vault.digest('state', stateIn(request, state)),
    grant,
    server,
    servers: rules.alike(server),
    at,
    until,
  });
}

/**
 * Whether the state belongs to a gated call, so that this request may not bring it. While what is kept of states is not what
 * a gateway left, any state may.
 */
export function isStateClaimed(
  { tasks, vault, clock, rules, sets }: Pick<Gateway, 'clock' | 'rules' | 'sets' | 'tasks' | 'vault'>,
  { grant, server, request }: StateBearer,
  state: string,
): Promise<boolean> {
  // An empty state tells a server nothing.
  if (state === '') return Promise.resolve(false);
  if (sets.isAtFault('issued_states')) return Promise.resolve(true);
  return tasks.isStateClaimed({
    // What a release before this one kept is spelt as it came.
    digests: [looseState(state), state].flatMap((text) => vault.digests('state', text)),
    request: vault.digests('state', stateIn(request, state)),
    grant,
    servers: rules.alike(server),
    // By both clocks, so that whoever sets one of them makes no state free before its time.
    now: earlierOf(clock),
  });
}

function stateIn(request: string, state: string): string {
  return JSON.stringify([request, looseState(state)]);
}
