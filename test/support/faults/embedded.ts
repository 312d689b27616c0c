/** The fault stories on one gateway with its embedded database: it is killed, started again, and goes on. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { House } from '../gateway/program.ts';
import type { CountingUpstream } from '../upstream/counting.ts';
import { type Point, Story, slowUpstream, storyHouse } from './story.ts';

/** A test for each of these points, two at a time. */
export function embeddedStories(points: readonly Point[]): void {
  describe('killed at every step, embedded', { concurrency: 2 }, () => {
    let upstream: CountingUpstream;
    let made: House;
    before(async () => {
      upstream = await slowUpstream();
      // A data directory to copy, because creating one makes the first start slow.
      made = await storyHouse(upstream);
      await (await made.start()).stop();
    });
    after(async () => {
      await made.close();
      await upstream.close();
    });

    for (const point of points) {
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
}
