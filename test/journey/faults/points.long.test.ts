import { FAULT_POINTS } from '../../../src/gateway/fault-point.ts';
import { redisStories } from '../../support/faults/redis.ts';
import type { Point } from '../../support/faults/story.ts';

const ALONE: readonly Point[] = ['post.before', 'post.after'];

/** Every step. */
redisStories(ALONE, [...FAULT_POINTS.filter((point) => !ALONE.includes(point)), 'send.during']);
