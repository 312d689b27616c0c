import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether two texts are equal, in a time that reveals nothing about either: their digests are compared, whatever their
 * lengths.
 */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
