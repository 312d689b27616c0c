/** The same stories on one gateway with its embedded database: it is killed, started again, and goes on. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FAULT_POINTS } from '../../src/gateway/fault-point.ts';
import type { CountingUpstream } from '../support/counting-upstream.ts';
import { Story, slowUpstream, storyHouse } from '../support/fault-story.ts';
import type { House } from '../support/gateway.ts';

describe('killed at every step, embedded', { concurrency: 3 }, () => {
  let upstream: CountingUpstream;
  let made: House;
  before(async () => {
    upstream = await slowUpstream();
    // A directory that is made already: the first start takes longest.
    made = await storyHouse(upstream);
    await (await made.start()).stop();
  });
  after(async () => {
    await made.close();
    await upstream.close();
  });

  for (const point of [...FAULT_POINTS, 'send.during'] as const) {
    test(`P4: killed at ${point}, nothing is lost and nothing runs twice`, async () => {
      const home = await storyHouse(upstream);
      try {
        cpSync(join(made.folder, 'data'), join(home.folder, 'data'), { recursive: true });
        const story = new Story(home, upstream, point, await Story.doomed(home, point));
        await story.tell(() => home.start());
      } finally {
        await home.close();
      }
    });
  }
});
