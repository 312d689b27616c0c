import { redisStories } from '../../support/faults/redis.ts';
import type { Point } from '../../support/faults/story.ts';

/** The steps that matter most; points.long.test.ts has them all. */
const SHORT: readonly Point[] = ['decide.after', 'dispatch.after', 'outcome.after', 'send.during'];

redisStories([], SHORT);
