import type { FetchBody } from 'openid-client';
import { readBounded } from '../bytes/read.ts';

/** Bytes of one answer of the provider. Keys and discovery documents have some thousands. */
const MOST_BYTES = 1024 * 1024;
const BODILESS = [204, 205, 304];

/** The provider sent more than anybody reads. */
export class AnswerTooLong extends Error {
  constructor() {
    super(`an answer is longer than ${MOST_BYTES / 1024} KiB`);
  }
}

/** What the libraries give to `fetch`. */
interface Asked {
  readonly method: string;
  readonly body?: FetchBody;
  readonly headers: Headers | Record<string, string>;
  readonly redirect: 'manual';
  readonly signal?: AbortSignal | undefined;
}

/**
 * `fetch` for the provider, whose whole answer is read before it is given back: within the request's time, and bounded.
 * `until`: aborts whatever is under way with it. Rejects as `fetch` does, and with `AnswerTooLong`.
 */
export function boundedFetch(until: AbortSignal | null = null) {
  return async (url: string, init: Asked): Promise<Response> => {
    const { method, headers: sent, redirect } = init;
    // The libraries send texts and forms.
    const body = (init.body ?? null) as string | URLSearchParams | null;
    const signals = [init.signal, until].filter((signal) => signal !== null && signal !== undefined);
    const answer = await fetch(url, { method, body, headers: sent, redirect, signal: AbortSignal.any(signals) });
    const { status, statusText } = answer;
    const bytes = answer.body === null ? new Uint8Array(0) : await readBounded(answer.body, MOST_BYTES);
    if (bytes === null) throw new AnswerTooLong();
    const headers = new Headers(answer.headers);
    // The bytes are those that were sent, unpacked.
    for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) headers.delete(name);
    return new Response(BODILESS.includes(status) ? null : new Uint8Array(bytes), { status, statusText, headers });
  };
}
