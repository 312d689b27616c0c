import type { Json } from '../../domain/json/json.ts';
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

/** Reads from the audit API. Throws with the gateway's own message when it refuses. */
export async function readAudit(gateway: RunningGateway, path: string): Promise<Response> {
  const response = await gateway.request(path, { redirect: 'error' });
  if (response.ok) return response;
  const { reason } = (await response.json().catch(() => ({}))) as { reason?: string };
  throw new Error(`${reason ?? 'The gateway refused.'} (HTTP ${response.status})`);
}

export async function readEventPage(gateway: RunningGateway, path: string): Promise<EventPage> {
  return (await (await readAudit(gateway, path)).json()) as EventPage;
}
