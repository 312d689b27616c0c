import { MOST_TOGETHER } from '../../domain/approval/together.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import type { RunningGateway } from '../remote/running-gateway.ts';
import type { ListedApproval } from './listed-approval.ts';
import { askApi, refusedBy } from './reply.ts';
import { stillNeeded } from './still-needed.ts';

interface SeveralOptions {
  readonly id: string;
  readonly more?: readonly string[];
  readonly reason?: string;
  readonly fingerprint?: string;
  readonly counter?: string;
  readonly wait?: string;
  readonly json: boolean;
}

/**
 * Decides several calls, all or none, each as it was read: by its fingerprint and revision. `look` shows them and asks;
 * null: go on, otherwise the exit code. Exit code 1 where none was decided.
 */
export async function decideSeveral(
  decision: 'approve' | 'deny',
  gateway: RunningGateway,
  options: SeveralOptions,
  terminal: Terminal,
  look: (calls: readonly ListedApproval[]) => Promise<number | null>,
): Promise<number> {
  const calls: ListedApproval[] = [];
  for (const id of idsOf(options)) {
    const reply = await askApi(gateway, `/api/approvals/${encodeURIComponent(id)}`);
    if (!reply.ok) {
      terminal.err(printed`${id}: `);
      return refusedBy(reply, terminal);
    }
    const approval = reply.body as unknown as ListedApproval;
    if (approval.state !== 'pending') {
      terminal.err(
        printed`Too late: ${id} is already ${approval.state}. None of the calls was decided; leave it out.\n`,
      );
      return 1;
    }
    calls.push(approval);
  }
  const stop = await look(calls);
  if (stop !== null) return stop;
  const items = calls.map(({ id, fingerprint, revision }) => ({ id, fingerprint, revision }));
  const reply = await askApi(gateway, '/api/decisions', { decision, reason: options.reason ?? null, items });
  if (!reply.ok) {
    const code = refusedBy(reply, terminal);
    for (const { id, state, reason } of (reply.body.items ?? []) as Readonly<Record<string, unknown>>[])
      terminal.err(printed`  ${String(id)}${state ? printed` (${String(state)})` : ''}: ${String(reason)}\n`);
    return code;
  }
  if (options.json) terminal.out(printed`${printedJson(reply.body)}\n`);
  else
    for (const decided of reply.body.items as readonly ListedApproval[])
      terminal.out(printed`${decided.id} is now ${decided.state}.${stillNeeded(decided)}\n`);
  return 0;
}

/** Each once, in their order. What is about a single call cannot be given. */
function idsOf(options: SeveralOptions): readonly string[] {
  for (const name of ['fingerprint', 'counter', 'wait'] as const)
    if (options[name] !== undefined) throw new Misuse(`--${name} is for one call, and several ids were given`);
  const ids = [options.id, ...(options.more ?? [])];
  const twice = ids.find((id, nth) => ids.indexOf(id) !== nth);
  if (twice !== undefined) throw new Misuse(`${twice} is given twice`);
  if (ids.length > MOST_TOGETHER)
    throw new Misuse(`at most ${MOST_TOGETHER} calls are decided together; give them in parts`);
  return ids;
}
