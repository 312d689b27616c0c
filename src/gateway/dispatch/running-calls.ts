import { isOver } from '../../domain/approval/approval.ts';
import type { AskedPlace } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** A gated call that runs, or may run. */
interface RunningCall {
  readonly id: string;
  /** Its answers need a yes. */
  readonly strict: boolean;
  /** The session in which it was called, a digest; null: it may be any; undefined: another process knows. */
  readonly session: string | null | undefined;
}

/**
 * Gated calls of this grant at this upstream that run as far as this process knows without asking the store whether there
 * are any: for a moment somebody may have changed the columns that it would look at.
 *
 * | a call that | runs |
 * |---|---|
 * | this process is sending | yes |
 * | a witness knows as sent, and whose row says with its seals that it is over | no |
 * | the same, and that it waits for the agent's answer, which was not sent yet | no |
 * | the same, and whose row is missing, broken, or says anything else | yes |
 */
export async function knownRunning(
  { leases, store, storeWatch }: Pick<Gateway, 'leases' | 'store' | 'storeWatch'>,
  { grant, servers }: Pick<AskedPlace, 'grant' | 'servers'>,
): Promise<readonly RunningCall[]> {
  const here = leases.calls
    .filter((call) => call.answersTo === null && call.grant === grant && servers.includes(call.server))
    .map(({ id, requirement, session }) => ({ id, strict: requirement.answers === 'ask', session }));
  const known = new Set(here.map(({ id }) => id));
  const { board } = storeWatch;
  const sent = board.openAt(grant, servers).filter(({ approval }) => !known.has(approval));
  if (sent.length === 0) return here;
  const rows = new Map((await store.sentCalls(sent.map(({ approval }) => approval))).map((call) => [call.id, call]));
  const elsewhere = sent.flatMap(({ approval: id, round }): RunningCall[] => {
    const row = rows.get(id);
    if (row === undefined || !row.believed) return [{ id, strict: true, session: undefined }];
    if (isOver(row.state)) board.over(id);
    const waits = row.state === 'dispatched' && row.awaits === 'input' && round < row.questions;
    if (isOver(row.state) || row.answersTo !== null || waits) return [];
    // A task has left its session.
    const session = row.awaits === 'task' ? null : undefined;
    return [{ id, strict: row.strict, session }];
  });
  return [...here, ...elsewhere];
}
