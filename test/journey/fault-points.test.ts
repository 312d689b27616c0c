import type { Point } from '../support/fault-story.ts';
import { redisStories } from '../support/redis-stories.ts';

/** The steps on which most hangs; fault-points.long.test.ts has them all. */
const SHORT: readonly Point[] = ['decide.after', 'dispatch.after', 'outcome.after', 'send.during'];

redisStories([], SHORT);
