import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Log } from '../../src/ports.ts';
import { EventTail } from '../../src/web/console/event-tail.ts';

const log = { warn: () => undefined } as unknown as Log;

it('a page that reads itself once the tail has its place misses nothing that is sealed afterwards', async () => {
  let head = 7;
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const records = {
    chain: async () => {
      const seq = head;
      await answered;
      return { seq };
    },
    since: async (after: number) => Array.from({ length: head - after }, (_, i) => ({ seq: after + 1 + i })),
  };
  const tail = new EventTail(records as unknown as ConstructorParameters<typeof EventTail>[0], log);
  const told: (number | null)[] = [];
  let all: () => void = () => undefined;
  const toldAll = new Promise<void>((resolve) => {
    all = resolve;
  });
  const stop = tail.follow((events) => {
    told.push(...events.map((event) => event.seq));
    all();
  });
  let isPlaced = false;
  const placed = tail.placed().then(() => {
    isPlaced = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(isPlaced, false, 'nobody knows yet from where it follows');
  answer();
  await placed;
  head = 9;
  await toldAll;
  assert.deepEqual(told, [8, 9]);
  stop();
});

it('who waits for the place of a tail that nobody follows any more is not kept', async () => {
  const never = new Promise<never>(() => undefined);
  const tail = new EventTail({ chain: () => never, since: () => never }, log);
  const stop = tail.follow(() => undefined);
  const placed = tail.placed();
  stop();
  await placed;
  await tail.placed();
});
