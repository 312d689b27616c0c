/**
 * The most bytes of a server's answer, or of one event of it, that are held in memory: 64 MiB. An endless answer must
 * not take all memory.
 */
export const MOST_HELD_BYTES = 64 * 1024 * 1024;
