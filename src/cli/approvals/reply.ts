import type { Terminal } from '../../main/process/terminal.ts';
import { printable } from '../remote/printable.ts';
import type { RunningGateway } from '../remote/running-gateway.ts';

/** What the API replied, whether it did what was asked or not. */
export interface ApiReply {
  readonly ok: boolean;
  /** The HTTP status. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asks the API; with a body it is a POST. */
export async function askApi(gateway: RunningGateway, path: string, body?: object): Promise<ApiReply> {
  const headers = { 'content-type': 'application/json' };
  const post = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await gateway.request(path, post);
  const text = await response.text();
  const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : { reason: text.slice(0, 200) };
  return { ok: response.ok, status: response.status, body: parsed as Record<string, unknown> };
}

/** Prints why the API refused. Returns the exit code. */
export function refusedBy({ status, body }: ApiReply, terminal: Terminal): number {
  terminal.err(`${printable(String(body.reason ?? body.error ?? 'refused'))} (HTTP ${status})\n`);
  return 1;
}
