/**
 * Bytes of a server's answer, or of one event of it, that are held in memory at most: 64 MiB. An endless one must not
 * take it all.
 */
export const MOST_HELD_BYTES = 64 * 1024 * 1024;
