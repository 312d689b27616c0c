import { parseArgs } from 'node:util';
import { Misuse, type Terminal } from '../main/process/terminal.ts';

const USAGE = `holdfast approvals list [--state pending]
  holdfast approvals show ID
  holdfast approvals approve ID [--reason TEXT]
  holdfast approvals deny ID [--reason TEXT]
  with --url (default http://127.0.0.1:8787), HOLDFAST_ADMIN_TOKEN, and --json for programs`;

interface ListedApproval {
  id: string;
  state: string;
  server: string;
  tool: string;
  grant: string;
  arguments: unknown;
  fingerprint: string;
  expiresAt: string;
  decisions: { approver: string; decision: string; reason: string | null }[];
  [more: string]: unknown;
}

interface ApprovalsOptions {
  readonly url: string;
  readonly token: string;
  readonly json: boolean;
}

/** Reads and decides over HTTP, like any other reviewer: embedded mode has one process, and it is the gateway. */
export async function approvalsCommand(argv: string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      token: { type: 'string' },
      state: { type: 'string' },
      reason: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [verb, id, ...rest] = positionals;
  const token = values.token ?? terminal.env.HOLDFAST_ADMIN_TOKEN;
  if (!token) throw new Misuse('Set HOLDFAST_ADMIN_TOKEN to the gateway’s admin token.');
  const url = values.url ?? terminal.env.HOLDFAST_PUBLIC_URL ?? 'http://127.0.0.1:8787';
  const options = { url: url.replace(/\/+$/, ''), token, json: values.json };
  if (verb === 'list' && id === undefined) return list(options, values.state, terminal);
  if (id === undefined || rest.length > 0) throw new Misuse(`Use: ${USAGE}`);
  if (verb === 'show') return show(options, id, terminal);
  if (verb === 'approve' || verb === 'deny') return decide(options, id, verb, values.reason ?? null, terminal);
  throw new Misuse(`Use: ${USAGE}`);
}

async function list(options: ApprovalsOptions, state: string | undefined, terminal: Terminal): Promise<number> {
  const query = state === undefined ? '' : `&state=${encodeURIComponent(state)}`;
  const rows: ListedApproval[] = [];
  let after = '';
  do {
    const page = await ask(options, `/api/approvals?limit=200${query}${after}`);
    if (!page.ok) return complain(page, terminal);
    rows.push(...(page.body.items as ListedApproval[]));
    after = page.body.next ? `&after=${encodeURIComponent(String(page.body.next))}` : '';
  } while (after !== '' && rows.length < 1_000);
  if (options.json) terminal.out(`${JSON.stringify(rows)}\n`);
  else if (rows.length === 0) terminal.out('No approvals.\n');
  else for (const row of rows) terminal.out(line(row));
  return 0;
}

function line(row: ListedApproval): string {
  return `${row.id}  ${row.state.padEnd(10)}  ${safe(`${row.server}.${row.tool}`)}  for ${safe(row.grant)}  until ${row.expiresAt}\n`;
}

async function show(options: ApprovalsOptions, id: string, terminal: Terminal): Promise<number> {
  const found = await ask(options, `/api/approvals/${encodeURIComponent(id)}`);
  if (!found.ok) return complain(found, terminal);
  terminal.out(options.json ? `${JSON.stringify(found.body)}\n` : details(found.body as ListedApproval));
  return 0;
}

function details(row: ListedApproval): string {
  const said = row.decisions.map((d) => `${d.approver}: ${d.decision}${d.reason ? ` (${d.reason})` : ''}`).join('; ');
  return [
    line(row).trimEnd(),
    `fingerprint  ${row.fingerprint}`,
    `arguments    ${safe(JSON.stringify(row.arguments, null, 2)).replaceAll('\n', '\n             ')}`,
    `decisions    ${safe(said) || 'none yet'}`,
    '',
  ].join('\n');
}

async function decide(
  options: ApprovalsOptions,
  id: string,
  decision: 'approve' | 'deny',
  reason: string | null,
  terminal: Terminal,
): Promise<number> {
  const path = `/api/approvals/${encodeURIComponent(id)}/decisions`;
  const said = await ask(options, path, { decision, reason });
  if (said.status === 409) {
    terminal.err(`Too late: ${id} is already ${String(said.body.state)}.\n`);
    return 1;
  }
  if (!said.ok) return complain(said, terminal);
  terminal.out(options.json ? `${JSON.stringify(said.body)}\n` : `${id} is now ${String(said.body.state)}.\n`);
  return 0;
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(options: ApprovalsOptions, path: string, body?: object): Promise<Answer> {
  const request = {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${options.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  let response: Response;
  try {
    response = await fetch(options.url + path, request);
  } catch {
    throw new Error(`${options.url} does not answer. Is the gateway running, and is --url right?`);
  }
  const text = await response.text();
  const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : { reason: text.slice(0, 200) };
  return { ok: response.ok, status: response.status, body: parsed as Record<string, unknown> };
}

function complain(answer: Answer, terminal: Terminal): number {
  terminal.err(`${safe(String(answer.body.reason ?? answer.body.error ?? 'refused'))} (HTTP ${answer.status})\n`);
  return 1;
}

/** Values come from agents: no control character of theirs reaches the terminal. */
function safe(text: string): string {
  return text.replaceAll(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?');
}
