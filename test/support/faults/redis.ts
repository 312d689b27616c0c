/**
 * The fault stories on Redis and Postgres: the process is killed at each of these steps between request and outcome,
 * and another replica goes on. The table in docs/operations.md says what agent and card then say, and whether the call
 * ran by the server's own count.
 */
import { after, before, describe, test } from 'node:test';
import type { GatewayProcess, House } from '../gateway/program.ts';
import { skipWithout, startPostgres, startRedis, type TestServer } from '../store/servers.ts';
import type { CountingUpstream } from '../upstream/counting.ts';
import { type Point, Story, slowUpstream, storyHouse } from './story.ts';

const skip = skipWithout('redis') || skipWithout('postgres');
/** `alone`: steps of the card job, which another replica would run if there were one. */
export function redisStories(alone: readonly Point[], points: readonly Point[]): void {
  describe('killed at every step, two replicas on Redis and Postgres', { skip }, () => {
    let upstream: CountingUpstream;
    let servers: TestServer[] = [];
    let home: House;
    before(async () => {
      upstream = await slowUpstream();
      servers = await Promise.all([startRedis(), startPostgres()]);
      home = await storyHouse(upstream, { redisUrl: servers[0]!.url, databaseUrl: servers[1]!.url });
    });
    after(async () => {
      await home.close();
      await upstream.close();
      await Promise.all(servers.map((server) => server.stop()));
    });

    for (const point of alone) {
      test(`P4: killed at ${point}, nothing is lost and nothing runs twice`, async () => {
        let next: GatewayProcess | null = null;
        const story = new Story(home, upstream, point, await Story.doomed(home, point));
        await story.tell(async () => {
          next = await home.start();
          return next;
        });
        await (next as GatewayProcess | null)?.stop();
      });
    }

    describe('while another replica lives', { concurrency: 3 }, () => {
      let other: GatewayProcess;
      before(async () => {
        other = await home.start();
      });
      for (const point of points) {
        test(`P4: killed at ${point}, nothing is lost and nothing runs twice`, async () => {
          const story = new Story(home, upstream, point, await Story.doomed(home, point));
          await story.tell(async () => other);
        });
      }
    });
  });
}
