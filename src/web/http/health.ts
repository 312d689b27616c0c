import { Hono } from 'hono';
import type { Gateway } from '../../gateway/gateway.ts';
import { type CardsTrouble, Unavailable } from '../../ports.ts';
import { withinOr } from '../../time/within.ts';

/** Milliseconds that a part may take to say that it is there. */
const PATIENCE_MS = 2_000;

/**
 * `/healthz`: the process answers. `/readyz`: every part that a gated call needs answers; 503 names those that do not.
 * Slack is named too, as of its last word, and never makes it 503: without it allowed calls go on and approvals are
 * decided in the console, and no other replica has a Slack that is better.
 */
export function health(gateway: Gateway): Hono {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.get('/readyz', async (c) => {
    const { store, queue, cards } = gateway;
    // Closed as soon as the process is asked to stop: whoever balances sends no more.
    if (!gateway.waitingRoom.open) return c.json({ ready: false, parts: { gateway: 'is stopping' } }, 503);
    const parts = {
      store: await answers(store.ping(), wordsOf),
      queue: await answers(queue.ping(), () => 'does not answer'),
      audit: gateway.journal.writable ? 'ok' : 'the audit log cannot be written',
    };
    const ready = Object.values(parts).every((part) => part === 'ok');
    const slack = cards?.trouble === undefined ? {} : { slack: wordsOfTrouble(cards.trouble()) };
    return c.json({ ready, parts: { ...parts, ...slack } }, ready ? 200 : 503);
  });
  return app;
}

function wordsOfTrouble(trouble: CardsTrouble | null): string {
  return trouble === null ? 'ok' : `${trouble.what}. ${trouble.remedy}`;
}

/** What the store says of itself names no place and no secret; others may. */
function wordsOf(error: unknown): string {
  return error instanceof Unavailable ? error.message : 'does not answer';
}

async function answers(ping: Promise<void>, words: (error: unknown) => string): Promise<string> {
  return withinOr(
    PATIENCE_MS,
    ping.then(() => 'ok', words),
    'does not answer',
  );
}
