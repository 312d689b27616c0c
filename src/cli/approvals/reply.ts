import type { Terminal } from '../../main/process/terminal.ts';
import { cut } from '../../text/cut.ts';
import { printed } from '../../text/printed.ts';
import type { RunningGateway } from '../remote/running-gateway.ts';

/** What the API replied, whether it did what was asked or not. `ok`: it did, and what came is the API's. */
export interface ApiReply {
  readonly ok: boolean;
  /** The HTTP status. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asks the API; with a body, which may be JSON text already, it is a POST, unless `method` says otherwise. */
export async function askApi(
  gateway: RunningGateway,
  path: string,
  body?: object | string,
  method = 'POST',
): Promise<ApiReply> {
  const headers = { 'content-type': 'application/json' };
  const post =
    body === undefined ? {} : { method, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
  const response = await gateway.request(path, post);
  const text = await response.text();
  const parsed = objectIn(text);
  const replied = parsed ?? { reason: cut(text, LONGEST) || 'The answer was empty.' };
  return { ok: response.ok && parsed !== null, status: response.status, body: replied };
}

/** Characters that are printed of an answer which is not the API's. */
const LONGEST = 200;

/** null: the text is no JSON object, so it does not come from the API. */
function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Prints why the API refused. Returns the exit code: 2 where it did not understand what was asked, as for any misuse. */
export function refusedBy({ status, body }: ApiReply, terminal: Terminal): number {
  terminal.err(printed`${String(body.reason ?? body.error ?? 'refused')} (HTTP ${status})\n`);
  for (const { path, why } of (body.faults ?? []) as { path?: unknown; why?: unknown }[]) {
    terminal.err(printed`  ${String(path ?? '') || 'arguments'}: ${String(why ?? '')}\n`);
  }
  return status === 400 ? 2 : 1;
}
