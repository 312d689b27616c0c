import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewEvent } from '../../src/domain/log/event.ts';
import { BreakGlass } from '../../src/gateway/person/break-glass.ts';
import type { ChannelLine } from '../../src/ports.ts';
import { channelLine } from '../../src/slack/card/thread.ts';

function world() {
  let now = Date.parse('2026-11-30T01:00:00Z');
  const events: NewEvent[] = [];
  const told: ChannelLine[] = [];
  const claimed = new Set<number>();
  const glass = new BreakGlass({
    clock: { now: () => new Date(now) },
    journal: { note: (event: NewEvent) => void events.push(event) },
    log: { warn: () => undefined },
    store: {
      claimNotice: async (_: string, ms: number) => {
        const isNew = !claimed.has(Math.floor(now / ms));
        claimed.add(Math.floor(now / ms));
        return isNew;
      },
      releaseNotice: async () => undefined,
    },
    cards: {
      tell: async (line: ChannelLine) => {
        told.push(line);
        return { kind: 'shown', channel: 'C', ts: '1', digest: '' };
      },
    },
  } as never);
  return { glass, events, told, pass: (ms: number) => (now += ms) };
}

test('each change with the admin token is an event, reads are one in ten minutes, and the channel gets one line in ten', async () => {
  const { glass, events, told, pass } = world();
  for (let n = 0; n < 5; n += 1) glass.used('api', 'GET /api/approvals', '10.0.0.9');
  for (let n = 0; n < 3; n += 1) glass.used('api', 'POST /api/freeze', '10.0.0.9');
  glass.used('console', 'POST /login', null);
  await new Promise(setImmediate);
  assert.deepEqual(
    events.map(({ data }) => data.what),
    ['GET /api/approvals', 'POST /api/freeze', 'POST /api/freeze', 'POST /api/freeze', 'POST /login'],
  );
  assert.equal(told.length, 1);
  pass(10 * 60_000);
  glass.used('api', 'GET /api/approvals', '10.0.0.9');
  await new Promise(setImmediate);
  assert.deepEqual([events.length, told.length], [6, 2]);
});

test('the line says by which door and from where, and what to do', () => {
  const { text } = channelLine({ kind: 'break_glass', door: 'api', from: '10.0.0.9`<!channel>', at: new Date(0) });
  assert.match(text, /admin token was used with the API.*change HOLDFAST_ADMIN_TOKEN/);
  assert.doesNotMatch(text, /<!channel>/);
});
