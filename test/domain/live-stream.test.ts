import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Hono } from 'hono';
import type { LoggedEvent } from '../../src/domain/log/event.ts';
import type { Log } from '../../src/ports.ts';
import type { EventTail, TailListener } from '../../src/web/console/event-tail.ts';
import { liveStream } from '../../src/web/console/live-stream.ts';

const log = { warn: () => undefined } as unknown as Log;
const BEAT_MS = 40;

function eventAt(seq: number): LoggedEvent {
  return {
    seq,
    n: seq,
    type: 'call.allowed',
    at: new Date(),
    actor: 'grant:a',
    approval: `ap_${seq}`,
    data: {},
  } as never;
}

/** A live page of a reviewer who can be signed out, and a log that tells what it is made to. */
function openPage(placed = Promise.resolve()) {
  const listeners = new Set<TailListener>();
  const reviewer = { isIn: true };
  const tail = {
    listenerCount: 0,
    placed: () => placed,
    follow: (listener: TailListener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  } as unknown as EventTail;
  const app = new Hono();
  const stopping = new AbortController();
  app.get('/', (c) =>
    liveStream(c, {
      records: { since: async () => [] },
      ...{ tail, log, stopping: stopping.signal, beatMs: BEAT_MS, names: () => new Map() },
      stillSignedIn: async () => reviewer.isIn,
    }),
  );
  let seq = 0;
  const happen = (count: number): void => {
    const events = Array.from({ length: count }, () => eventAt(++seq));
    for (const listener of listeners) listener(events);
  };
  return { app, reviewer, happen, listeners, stop: () => stopping.abort() };
}

describe('P8: a live page', () => {
  test('of a reviewer who has signed out is told nothing more, however much happens', async () => {
    const { app, reviewer, happen, listeners, stop } = openPage();
    const response = await app.request('/');
    const traffic = setInterval(() => happen(1), BEAT_MS / 4);
    try {
      reviewer.isIn = false;
      const text = await Promise.race([
        response.text(),
        new Promise<never>((_, reject) => {
          setTimeout(() => reject(new Error('the stream goes on')), 100 * BEAT_MS).unref();
        }),
      ]);
      assert.match(text, /event: signed_out\ndata: \{\}\n\n$/);
      assert.equal(listeners.size, 0);
    } finally {
      clearInterval(traffic);
      stop();
    }
  });

  test('that leaves while the log cannot be read is not kept', async () => {
    const { app, listeners } = openPage(new Promise(() => undefined));
    const response = await app.request('/');
    assert.equal(listeners.size, 1);
    await response.body!.cancel();
    await new Promise((resolve) => setTimeout(resolve, BEAT_MS));
    assert.equal(listeners.size, 0);
  });

  test('that is not read keeps no more than is caught up with later: its stream ends', async () => {
    const { app, happen, listeners } = openPage();
    const response = await app.request('/');
    const reader = response.body!.getReader();
    await reader.read();
    for (let times = 0; times < 100; times += 1) {
      happen(500);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(listeners.size, 0, 'nothing is kept for it any more');
    let text = '';
    for (let read = await reader.read(); !read.done; read = await reader.read())
      text += new TextDecoder().decode(read.value);
    assert.doesNotMatch(text, /id: 50000\n/);
  });
});
