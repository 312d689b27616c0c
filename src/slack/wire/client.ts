import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
} from '@slack/web-api';
import type { JsonObject } from '../../domain/json/json.ts';
import type { Log } from '../../ports.ts';
import { detailsIn, platformFailure, type SlackApi, type SlackFailure } from './api.ts';
import { lightFetch } from './light-fetch.ts';
import { slackLogger } from './logger.ts';

export interface SlackClientOptions {
  readonly token: string;
  /** A stand-in's address; Slack's own if absent. */
  readonly apiUrl?: string | undefined;
  readonly log: Log;
  /** Milliseconds after which a call counts as unanswered. */
  readonly timeoutMs?: number;
}

/** `SlackApi` over Slack's own client, whose retries are off: it would repeat a post ten times over half an hour. */
export function slackClient({ token, apiUrl, log, timeoutMs = 5000 }: SlackClientOptions): SlackApi {
  const client = new WebClient(token, {
    ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    allowAbsoluteUrls: false,
    timeout: timeoutMs,
    fetch: lightFetch as typeof fetch,
    logger: slackLogger(log),
  });
  return {
    async call(method, args) {
      try {
        const answer = await client.apiCall(method, { ...args });
        const scopes = answer.response_metadata?.scopes ?? null;
        return { ok: true, body: answer as unknown as JsonObject, scopes };
      } catch (error) {
        return { ok: false, failure: failureOf(error) };
      }
    },
  };
}

/** What an error of Slack's client means: ambiguous unless the call provably had no effect. Exported for its test. */
export function failureOf(error: unknown): SlackFailure {
  if (error instanceof WebAPIRateLimitedError) {
    return { code: 'ratelimited', retryable: true, afterMs: error.retryAfter * 1000, ambiguous: false };
  }
  if (error instanceof WebAPIPlatformError) {
    return { ...platformFailure(error.data.error), details: detailsIn(error.data) };
  }
  if (error instanceof WebAPIHTTPError) {
    return { code: `http_${error.statusCode}`, retryable: true, afterMs: 5000, ambiguous: error.statusCode >= 500 };
  }
  if (error instanceof WebAPIRequestError) {
    const neverSent = NEVER_SENT.has(causeOf(error.original));
    return { code: neverSent ? 'not_reached' : 'no_answer', retryable: true, afterMs: 2000, ambiguous: !neverSent };
  }
  // For a 429 without a usable Retry-After, Slack's client throws a plain Error.
  const limited = error instanceof Error && error.message.includes('Retry header');
  if (limited) return { code: 'ratelimited', retryable: true, afterMs: 30_000, ambiguous: false };
  // An answer that broke off, or that is none.
  return { code: 'no_answer', retryable: true, afterMs: 5_000, ambiguous: true };
}

/** Errors while looking up the name or connecting: no byte of the request was sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function causeOf(error: Error): string {
  const cause = error.cause as { code?: unknown; errors?: readonly { code?: unknown }[] } | undefined;
  return String(cause?.code ?? cause?.errors?.[0]?.code ?? '');
}
