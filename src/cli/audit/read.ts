import type { Json } from '../../domain/json/json.ts';
import { Misuse } from '../parse/misuse.ts';
import type { RunningGateway } from '../remote/running-gateway.ts';

/** One event as the API gives it. */
export interface ListedEvent {
  readonly [name: string]: Json;
}

export interface EventPage {
  readonly items: readonly ListedEvent[];
  /** Where the next page begins; null on the last. */
  readonly next: string | null;
}

/** Reads from the audit API. Throws with the gateway's own message when it refuses; `Misuse` when it did not understand. */
export async function readAudit(gateway: RunningGateway, path: string): Promise<Response> {
  const response = await gateway.request(path, { redirect: 'error' });
  if (response.ok) return response;
  const { reason } = (await response.json().catch(() => ({}))) as { reason?: string };
  const why = `${reason ?? 'The gateway refused.'} (HTTP ${response.status})`;
  throw response.status === 400 ? new Misuse(why) : new Error(why);
}

export async function readEventPage(gateway: RunningGateway, path: string): Promise<EventPage> {
  return (await (await readAudit(gateway, path)).json()) as EventPage;
}
