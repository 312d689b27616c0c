import { isObject, type JsonObject } from '../../domain/json/json.ts';
import { platformFailure, type SlackAnswer, type SlackApi } from './api.ts';

export interface FetchClientOptions {
  readonly token: string;
  /** A stand-in's address, with its trailing slash. */
  readonly apiUrl?: string | undefined;
  readonly timeoutMs?: number;
}

/** `SlackApi` over plain `fetch`, for runtimes that cannot run Slack's client. */
export function fetchSlackClient(options: FetchClientOptions): SlackApi {
  const { token, apiUrl = 'https://slack.com/api/', timeoutMs = 5000 } = options;
  return {
    async call(method, args) {
      let response: Response;
      let body: unknown;
      try {
        response = await fetch(`${apiUrl}${method}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
          body: form(args),
          // Workers do not support 'error'; either way, a redirect is not Slack's answer.
          redirect: 'manual',
          signal: AbortSignal.timeout(timeoutMs),
        });
        body = response.status === 200 ? await response.json() : null;
      } catch {
        // `fetch` has no portable way to tell whether anything was sent.
        return { ok: false, failure: { code: 'no_answer', retryable: true, afterMs: 2000, ambiguous: true } };
      }
      return answerOf(response, body);
    },
  };
}

function answerOf(response: Response, body: unknown): SlackAnswer {
  const { status, headers } = response;
  if (status === 429) {
    const afterMs = (Number(headers.get('retry-after')) || 30) * 1000;
    return { ok: false, failure: { code: 'ratelimited', retryable: true, afterMs, ambiguous: false } };
  }
  if (!isObject(body)) {
    const failure = { code: `http_${status}`, retryable: true, afterMs: 5000, ambiguous: status >= 500 };
    return { ok: false, failure };
  }
  if (body.ok !== true) return { ok: false, failure: platformFailure(String(body.error ?? 'unknown_error')) };
  const scopes = headers.get('x-oauth-scopes');
  return { ok: true, body, scopes: scopes === null ? null : scopes.split(/\s*,\s*/) };
}

/** The form that Slack's own client sends: strings as they are, everything else as JSON. */
function form(args: JsonObject): string {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) {
    if (value !== null) fields.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return fields.toString();
}
