import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from '../support/gateway/program.ts';

/** Approves whatever is pending with the admin's vote, until it is stopped. */
export function approveAll(gateway: GatewayProcess): { stop(): Promise<number> } {
  let going = true;
  let approved = 0;
  const work = (async () => {
    while (going) {
      for (const { id } of await gateway.approvals('pending').catch(() => [])) {
        const body = JSON.stringify({ decision: 'approve' });
        const headers = { 'content-type': 'application/json' };
        const answer = await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
        if (answer.status === 200) approved += 1;
        await answer.text();
      }
      await sleep(20);
    }
  })();
  return {
    stop: async () => {
      going = false;
      await work;
      return approved;
    },
  };
}
