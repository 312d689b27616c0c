import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { isOtherCharset } from '../protocol/media-type.ts';
import { codingsOf, unknownCoding, unpacked } from './unpack.ts';

/** An answer that came, and that the gateway cannot read. */
export interface UnreadableAnswer {
  readonly kind: 'unreadable';
  /** What is wrong with it, after "its answer"; without the full stop. */
  readonly why: string;
}

/**
 * The answer in a form that can be read and edited: unpacked where the server or a proxy before it has packed it, though
 * asked for `identity`. Every answer that the gateway looks into goes through here; one that it only passes on does not,
 * and keeps its packing.
 *
 * | Content-Encoding | on Node | on Workers |
 * |---|---|---|
 * | none, `identity` | as it came | as it came |
 * | `gzip`, `x-gzip`, `br` | unpacked | unpacked by the runtime's own `fetch` |
 * | `deflate`, raw or not | unpacked | unpacked |
 * | `zstd` | unpacked | unreadable |
 * | two of them, one on the other | unpacked | unpacked |
 * | another, or more than two | unreadable | unreadable |
 *
 * Text that says it is not UTF-8 is unreadable: its clients might read in it what the gateway does not.
 */
export function readableAnswer(answer: UpstreamAnswer): UpstreamAnswer | UnreadableAnswer {
  const { body, headers } = answer;
  if (body === null) return answer;
  if (isOtherCharset(headers)) return unreadable('says that it is not in UTF-8');
  const codings = headers.flatMap(([name, value]) => (name === 'content-encoding' ? codingsOf(value) : []));
  if (codings.length === 0) return answer;
  const unknown = unknownCoding(codings);
  if (unknown !== null) return unreadable(`is packed in a way that cannot be undone here (${unknown})`);
  const kept = headers.filter(([name]) => name !== 'content-encoding' && name !== 'content-length');
  return { ...answer, headers: kept, body: unpacked(body, codings) };
}

/** The words for an answer that is longer than is held. */
export const TOO_LONG_ANSWER = `is longer than ${MOST_HELD_BYTES >> 20} MiB`;

/** An answer that cannot be read. Its body is left alone: it may still be passed on as it came. */
export function unreadable(why: string): UnreadableAnswer {
  return { kind: 'unreadable', why };
}
