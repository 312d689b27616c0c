import type { GrantRoom } from '../../../src/ports.ts';

/** Room for whatever a test opens. */
export const ROOM: GrantRoom = { maxPending: 100, openings: { max: 1_000, per: 'second' }, keptBytes: 1 << 30 };
