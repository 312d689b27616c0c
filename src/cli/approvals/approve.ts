import { callersHiding, hiddenMarks, hiddenSentences } from '../../domain/call/hidden-marks.ts';
import { NOTHING_HIDDEN, NOTHING_MORE } from '../../domain/call/sent.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { RunningGateway } from '../remote/running-gateway.ts';
import { type ApprovalsDecideOptions, decide } from './decide.ts';
import { decideSeveral } from './decide-several.ts';
import { approvalDetails } from './details.ts';
import { earlierRuns } from './earlier-runs.ts';
import type { ListedApproval } from './listed-approval.ts';
import { waitMsOf } from './outcome.ts';
import { askApi, refusedBy } from './reply.ts';

interface ApprovalsApproveOptions extends ApprovalsDecideOptions {
  /** Nobody is asked. */
  readonly yes?: boolean;
}

/**
 * `approvals approve`: shows the whole call, or every call, and asks; what was shown is what is approved. Where nobody can be asked it needs
 * `--yes`, or the fingerprint: whoever has that has looked at the call. A call in which values are hidden because of their
 * names is approved after a look only.
 */
export async function approvalsApproveCommand(options: ApprovalsApproveOptions, terminal: Terminal): Promise<number> {
  waitMsOf(options);
  const gateway = await RunningGateway.at(options, terminal);
  const { id, more = [], yes = false } = options;
  if (more.length > 0) return approveSeveral(gateway, options, terminal);
  if (options.fingerprint !== undefined) return decide('approve', gateway, options, terminal);
  const reply = await askApi(gateway, `/api/approvals/${encodeURIComponent(id)}`);
  if (!reply.ok) return refusedBy(reply, terminal);
  const approval = reply.body as unknown as ListedApproval;
  if (approval.state !== 'pending') {
    terminal.err(printed`Too late: ${id} is already ${String(approval.state)}.\n`);
    return 1;
  }
  const look = whyLook(approval);
  if (yes && look === null) return decide('approve', gateway, shown(options, approval), terminal);
  if (yes || terminal.askLine === undefined) return notApproved(id, look, terminal);
  terminal.err(approvalDetails(approval, await earlierRuns(gateway, approval), terminal));
  if (look !== null) terminal.err(printed`Look closely: ${look}.\n`);
  const answer = await terminal.askLine(printed`Approve this call? [y/N] `);
  if (answer === null) return notApproved(id, look, terminal);
  if (!isYes(answer)) {
    terminal.err(printed`Not approved. The call is still pending; to deny it: holdfast approvals deny ${id}\n`);
    return 1;
  }
  return decide('approve', gateway, shown(options, approval), terminal);
}

function isYes(answer: string): boolean {
  return /^y(es)?$/i.test(answer.trim());
}

/** The same for several: every call is shown in full, and there is one question about all. */
function approveSeveral(
  gateway: RunningGateway,
  options: ApprovalsApproveOptions,
  terminal: Terminal,
): Promise<number> {
  const { yes = false } = options;
  return decideSeveral('approve', gateway, options, terminal, async (calls) => {
    const looks = calls.map((approval) => ({ id: approval.id, look: whyLook(approval) }));
    const toLookAt = looks.find(({ look }) => look !== null) ?? null;
    if (yes && toLookAt === null) return null;
    if (yes || terminal.askLine === undefined)
      return notApproved((toLookAt ?? looks[0]!).id, toLookAt?.look ?? null, terminal);
    for (const [nth, approval] of calls.entries()) {
      terminal.err(printed`\n${nth + 1} of ${calls.length}\n`);
      terminal.err(approvalDetails(approval, await earlierRuns(gateway, approval), terminal));
      const { look } = looks[nth]!;
      if (look !== null) terminal.err(printed`Look closely: ${look}.\n`);
    }
    const answer = await terminal.askLine(printed`Approve all ${calls.length} calls? [y/N] `);
    if (answer === null) return notApproved(calls[0]!.id, toLookAt?.look ?? null, terminal);
    if (isYes(answer)) return null;
    terminal.err(printed`Not approved. All ${calls.length} calls are still pending.\n`);
    return 1;
  });
}

/** No other call than the one that was looked at can be approved. */
function shown<Options extends ApprovalsDecideOptions>(options: Options, { fingerprint }: ListedApproval): Options {
  return typeof fingerprint === 'string' ? { ...options, fingerprint } : options;
}

/** Nobody was asked, and more than that is needed. */
function notApproved(id: string, look: string | null, terminal: Terminal): number {
  if (look === null) {
    throw new Misuse(
      `not approved, because there is no terminal to ask at: give --yes, or the --fingerprint that holdfast approvals show ${id} prints`,
    );
  }
  terminal.err(
    printed`Not approved: ${look}.\nLook at the call with holdfast approvals show ${id}, then approve it with --fingerprint.\n`,
  );
  return 1;
}

/** Why nobody may approve this pending call without a look; null: nothing is hidden but what policy hides. */
function whyLook({ arguments: args, sent = NOTHING_MORE, hidden = NOTHING_HIDDEN }: ListedApproval): string | null {
  const [byName] = hiddenSentences({ byPolicy: 0, byName: hidden.byName });
  if (byName !== undefined) return `${byName}, and the caller may have chosen the names`;
  const [byValue] = hiddenSentences(callersHiding(hidden));
  if (byValue !== undefined) return byValue;
  const unclear = hiddenMarks({ arguments: args, sent, hidden }) === 'unclear';
  return unclear ? `the agent also sent text that reads ${REDACTED}` : null;
}
