import { readFileSync } from 'node:fs';
import type { Terminal } from '../../main/process/terminal.ts';
import { type Printed, printed, printedJson } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { decideSeveral } from './decide-several.ts';
import type { ListedApproval } from './listed-approval.ts';
import { afterItsEnd, outcome, UNDER_WAY, waitMsOf } from './outcome.ts';
import { askApi, refusedBy } from './reply.ts';
import { stillNeeded } from './still-needed.ts';

export interface ApprovalsDecideOptions extends GatewayAddress {
  readonly id: string;
  /** Further calls, which are decided with it: all or none. */
  readonly more?: readonly string[];
  readonly reason?: string;
  /** Of the call that was looked at; no other can be decided with it. */
  readonly fingerprint?: string;
  readonly json: boolean;
  /** With a denial: the arguments of the call that would be approved instead, or the file that has them. */
  readonly counter?: string;
  /** Seconds to wait for what becomes of an approved call, as it was typed. */
  readonly wait?: string;
}

/** `approvals deny` */
export async function approvalsDenyCommand(options: ApprovalsDecideOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const { more = [] } = options;
  if (more.length > 0) return decideSeveral('deny', gateway, options, terminal, async () => null);
  return decide('deny', gateway, options, terminal);
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
  const counter = options.counter === undefined ? null : counterText(options.counter);
  const word = JSON.stringify({ decision, reason, fingerprint });
  const reply = await askApi(gateway, path, counter === null ? word : `${word.slice(0, -1)},"counter":${counter}}`);
  if (reply.status === 409) {
    terminal.err(printed`Too late: ${id} is already ${String(reply.body.state)}.\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  const decided = reply.body as unknown as ListedApproval;
  if (!json) terminal.out(printed`${id} is now ${decided.state}.${stillNeeded(decided)}\n${openedInstead(decided)}`);
  const found = waitMs > 0 && UNDER_WAY.has(decided.state) ? await afterItsEnd(gateway, id, waitMs) : decided;
  if (json) terminal.out(printed`${printedJson(found)}\n`);
  else if (found !== decided || UNDER_WAY.has(decided.state)) terminal.out(outcome(found));
  return 0;
}

/** The arguments as JSON text, exactly as they are written: whether numbers can be kept is for the gateway to say. */
function counterText(given: string): string {
  const text = given.trim().startsWith('{') ? given : fileText(given);
  try {
    JSON.parse(text);
  } catch {
    throw new Misuse('--counter takes the arguments as one JSON object, or the name of a file that holds one');
  }
  return text;
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Misuse(`--counter: ${path} cannot be read (${(error as Error).message})`);
  }
}

/** What was opened with the denial. */
function openedInstead({ counter = null }: ListedApproval): Printed {
  if (counter === null) return printed``;
  return printed`${counter.id} was opened for the call that you propose; it is ${counter.state}.${stillNeeded(counter)}\n`;
}
