import { isObject } from '../../domain/json/json.ts';
import type { RunningGateway } from '../remote/running-gateway.ts';
import type { ListedApproval } from './listed-approval.ts';
import { askApi } from './reply.ts';

/** An earlier approval of the very same call. */
export interface EarlierRun {
  readonly id: string;
  /** Its state now. */
  readonly state: string;
  readonly at: string;
}

/** The most that are shown. */
const MOST = 5;

/** Earlier approvals of this very call, by its fingerprint, newest first. null: the gateway could not be asked. */
export async function earlierRuns(
  gateway: RunningGateway,
  { id, fingerprint }: ListedApproval,
): Promise<readonly EarlierRun[] | null> {
  if (!/^[0-9a-f]{16,64}$/.test(String(fingerprint))) return null;
  const query = new URLSearchParams({ type: 'approval.requested', text: fingerprint, limit: String(MOST + 1) });
  const reply = await askApi(gateway, `/api/events?${query}`);
  const { items } = reply.body;
  if (!reply.ok || !Array.isArray(items)) return null;
  return items.flatMap((item): EarlierRun[] => {
    if (!isObject(item) || typeof item.approval !== 'string' || item.approval === id) return [];
    return [{ id: item.approval, state: String(item.state ?? '?'), at: String(item.at ?? '?') }];
  });
}
