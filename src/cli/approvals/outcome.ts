import { type Printed, printed } from '../../text/printed.ts';
import { pause } from '../../time/pause.ts';
import { Misuse } from '../parse/misuse.ts';
import type { RunningGateway } from '../remote/running-gateway.ts';
import type { ListedApproval } from './listed-approval.ts';
import { askApi } from './reply.ts';

/** Seconds to wait unless it is said otherwise; with `--json`, none. */
const USUAL_S = 5;
const MOST_S = 3_600;
const LOOK_MS = 250;

/** States of an approved call that has not ended. */
export const UNDER_WAY: ReadonlySet<string> = new Set(['approved', 'dispatched']);

/** How long to wait for what becomes of the call, in ms. Throws `Misuse`. */
export function waitMsOf({ wait, json }: { readonly wait?: string; readonly json: boolean }): number {
  if (wait === undefined) return json ? 0 : USUAL_S * 1_000;
  const seconds = /^\d{1,4}$/.test(wait) ? Number(wait) : Number.NaN;
  if (!(seconds <= MOST_S)) throw new Misuse(`--wait takes seconds, 0 to ${MOST_S}`);
  return seconds * 1_000;
}

/** The approval once its call has ended, or as it is after `ms`. */
export async function afterItsEnd(gateway: RunningGateway, id: string, ms: number): Promise<ListedApproval> {
  const until = performance.now() + ms;
  for (;;) {
    const reply = await askApi(gateway, `/api/approvals/${encodeURIComponent(id)}`);
    const found = reply.body as unknown as ListedApproval;
    if (!reply.ok) throw new Error('the decision counts; what became of the call cannot be read');
    if (!UNDER_WAY.has(found.state) || performance.now() >= until) return found;
    await pause(LOOK_MS);
  }
}

/** What became of an approved call, in a line. */
export function outcome({ id, state, pickupUntil }: ListedApproval): Printed {
  switch (state) {
    case 'approved':
      return printed`It has not run yet, because its agent is not waiting. It runs when the agent makes the same call again${pickupUntil ? `, until ${pickupUntil}` : ''}.\n`;
    case 'dispatched':
      return printed`It was sent, but its server has not answered yet: holdfast approvals show ${id}\n`;
    case 'succeeded':
      return printed`It has run.\n`;
    case 'failed':
      return printed`It ran, but its server reported a failure.\n`;
    case 'unknown':
      return printed`It was sent, but it is unknown whether it ran: holdfast approvals show ${id}\n`;
    default:
      return printed`It did not run: it is ${state}.\n`;
  }
}
