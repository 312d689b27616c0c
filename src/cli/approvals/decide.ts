import { missingText } from '../../domain/approval/tally.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import type { ListedApproval } from './listed-approval.ts';
import { afterItsEnd, outcome, UNDER_WAY, waitMsOf } from './outcome.ts';
import { askApi, refusedBy } from './reply.ts';

export interface ApprovalsDecideOptions extends GatewayAddress {
  readonly id: string;
  readonly reason?: string;
  /** Of the call that was looked at; no other can be decided with it. */
  readonly fingerprint?: string;
  readonly json: boolean;
  /** Seconds to wait for what becomes of an approved call, as it was typed. */
  readonly wait?: string;
}

/** `approvals deny` */
export async function approvalsDenyCommand(options: ApprovalsDecideOptions, terminal: Terminal): Promise<number> {
  return decide('deny', await RunningGateway.at(options, terminal), options, terminal);
}

/** Records a decision. 1 when the API refused, or when the approval was already decided. */
export async function decide(
  decision: 'approve' | 'deny',
  gateway: RunningGateway,
  options: ApprovalsDecideOptions,
  terminal: Terminal,
): Promise<number> {
  const { id, reason = null, fingerprint = null, json } = options;
  const waitMs = waitMsOf(options);
  const path = `/api/approvals/${encodeURIComponent(id)}/decisions`;
  const reply = await askApi(gateway, path, { decision, reason, fingerprint });
  if (reply.status === 409) {
    terminal.err(printed`Too late: ${id} is already ${String(reply.body.state)}.\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  const decided = reply.body as unknown as ListedApproval;
  if (!json) terminal.out(printed`${id} is now ${decided.state}.${stillNeeded(decided)}\n`);
  const found = waitMs > 0 && UNDER_WAY.has(decided.state) ? await afterItsEnd(gateway, id, waitMs) : decided;
  if (json) terminal.out(printed`${printedJson(found)}\n`);
  else if (found !== decided || UNDER_WAY.has(decided.state)) terminal.out(outcome(found));
  return 0;
}

/** Where one vote was not enough, how many there are. */
function stillNeeded({ state, requirement, decisions }: ListedApproval): string {
  if (state !== 'pending' || requirement === undefined) return '';
  const voted = decisions.filter(({ decision }) => decision === 'approve').length;
  const { missing = [], missingOrOf = [] } = requirement;
  const lacking = missingText({ missing, orOf: missingOrOf });
  return lacking === '' ? ` ${voted} of ${requirement.quorum} have approved.` : ` ${lacking}.`;
}
