import { request } from 'node:http';
import { HEADERS } from '../load.ts';

/** The gateway under attack. */
export interface Target {
  readonly url: string;
  readonly token: string;
  readonly adminToken: string;
}

/** What an attacker sends. `name` says it in the table. */
export interface Attack {
  readonly name: string;
  run(target: Target): Promise<unknown>;
}

interface Answer {
  readonly status: number;
  readonly session: string | undefined;
  readonly cookie: string | undefined;
  readonly text: string;
}

/** Milliseconds after which an attacker gives up on an answer. */
const GIVE_UP_MS = 60_000;
let ids = 0;
export const nextId = (): number => ++ids;

export function send(
  url: string,
  body: string | null,
  headers: Readonly<Record<string, string>>,
  giveUpMs = GIVE_UP_MS,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: body === null ? 'GET' : 'POST', agent: false, headers }, (answer) => {
      // Most of an answer is not kept, so that this process has little to do.
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        if (text.length < 4_000) text += chunk.toString().slice(0, 4_000);
      });
      answer.on('close', () =>
        resolve({
          status: answer.statusCode ?? 0,
          session: answer.headers['mcp-session-id'] as string | undefined,
          cookie: answer.headers['set-cookie']?.map((one) => one.split(';')[0]).join('; '),
          text,
        }),
      );
    });
    sent.setTimeout(giveUpMs, () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end(body);
  });
}

export function post(
  { url, token }: Target,
  server: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(`${url}/mcp/${server}`, body, { ...HEADERS, authorization: `Bearer ${token}`, ...headers });
}

export async function openSession(
  target: Target,
  server: string,
  protocolVersion = '2025-03-26',
): Promise<Record<string, string>> {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'attacker', version: '1' } };
  const { session } = await post(
    target,
    server,
    JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
  );
  return { 'mcp-session-id': session ?? '', 'mcp-protocol-version': protocolVersion };
}

export function call(target: Target, server: string, tool: string, args: string, headers: Record<string, string> = {}) {
  const body = `{"jsonrpc":"2.0","id":${nextId()},"method":"tools/call","params":{"name":"${tool}","arguments":${args}}}`;
  return post(target, server, body, headers);
}

/** The newest approvals that wait. */
export async function pending({ url, adminToken }: Target): Promise<{ id: string }[]> {
  const answer = await fetch(`${url}/api/approvals?state=pending&limit=5`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const { items } = (await answer.json()) as { items: { id: string }[] };
  return items;
}
