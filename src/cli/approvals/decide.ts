import { callersHiding, hiddenMarks, hiddenSentences } from '../../domain/call/hidden-marks.ts';
import { NOTHING_HIDDEN, NOTHING_MORE } from '../../domain/call/sent.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import type { ListedApproval } from './listed-approval.ts';
import { askApi, refusedBy } from './reply.ts';

interface ApprovalsDecideOptions extends GatewayAddress {
  readonly id: string;
  readonly reason?: string;
  /** Of the call that was looked at; no other can be decided with it. */
  readonly fingerprint?: string;
  readonly json: boolean;
}

/**
 * `approvals approve`. A call in which values are hidden because of their names is approved only with its fingerprint:
 * whoever has that has looked at the call.
 */
export async function approvalsApproveCommand(options: ApprovalsDecideOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  if (options.fingerprint === undefined) {
    const reply = await askApi(gateway, `/api/approvals/${encodeURIComponent(options.id)}`);
    if (!reply.ok) return refusedBy(reply, terminal);
    const why = whyLook(reply.body as unknown as ListedApproval);
    if (why !== null) {
      terminal.err(
        printed`Not approved: ${why}.\nLook at the call with holdfast approvals show ${options.id}, then approve it with --fingerprint.\n`,
      );
      return 1;
    }
  }
  return decide('approve', gateway, options, terminal);
}

/** Why nobody may approve this pending call without a look; null: nothing is hidden but what policy hides. */
function whyLook({
  state,
  arguments: args,
  sent = NOTHING_MORE,
  hidden = NOTHING_HIDDEN,
}: ListedApproval): string | null {
  if (state !== 'pending') return null;
  const [byName] = hiddenSentences({ byPolicy: 0, byName: hidden.byName });
  if (byName !== undefined) return `${byName}, and whoever called chose the names`;
  const [byValue] = hiddenSentences(callersHiding(hidden));
  if (byValue !== undefined) return byValue;
  const unclear = hiddenMarks({ arguments: args, sent, hidden }) === 'unclear';
  return unclear ? `the agent itself sent text that reads ${REDACTED}` : null;
}

/** `approvals deny` */
export async function approvalsDenyCommand(options: ApprovalsDecideOptions, terminal: Terminal): Promise<number> {
  return decide('deny', await RunningGateway.at(options, terminal), options, terminal);
}

/** 1 when the API refused, or when the approval was already decided. */
async function decide(
  decision: 'approve' | 'deny',
  gateway: RunningGateway,
  options: ApprovalsDecideOptions,
  terminal: Terminal,
): Promise<number> {
  const { id, reason = null, fingerprint = null, json } = options;
  const path = `/api/approvals/${encodeURIComponent(id)}/decisions`;
  const reply = await askApi(gateway, path, { decision, reason, fingerprint });
  if (reply.status === 409) {
    terminal.err(printed`Too late: ${id} is already ${String(reply.body.state)}.\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(
    json
      ? printed`${printedJson(reply.body)}\n`
      : printed`${id} is now ${String(reply.body.state)}.${stillNeeded(reply.body)}\n`,
  );
  return 0;
}

/** Where one vote was not enough, how many there are. */
function stillNeeded(body: Readonly<Record<string, unknown>>): string {
  const { state, requirement, decisions } = body as unknown as ListedApproval;
  if (state !== 'pending' || requirement === undefined) return '';
  const voted = decisions.filter(({ decision }) => decision === 'approve').length;
  return ` ${voted} of ${requirement.quorum} have approved.`;
}
