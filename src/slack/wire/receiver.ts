import type { App, Receiver } from '@slack/bolt';
import { readBody } from '../../bytes/read.ts';
import type { Clock, Log } from '../../ports.ts';
import { SeenSignatures, verifySignature } from './signature.ts';

/** Most bytes of one request; a submission carries its whole view, form-encoded. */
const MAX_BODY = 2 * 1024 * 1024;
/** Slack gives up after 3 s. In milliseconds. */
const ACK_MS = 2900;

export interface ReceiverOptions {
  readonly signingSecret: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ackMs?: number;
}

/** Takes a verified interactivity request. `ack` answers Slack; the promise resolves when everything is done. */
export type InteractivityHandler = (event: {
  body: Record<string, unknown>;
  ack: (answer?: unknown) => Promise<void>;
}) => Promise<void>;

/** Bolt's `Receiver` as `Request → Response`, so that it can be mounted in Hono on any runtime. */
export interface SlackReceiver extends Receiver {
  handle(request: Request): Promise<Response>;
}

export function slackReceiver(options: ReceiverOptions): SlackReceiver {
  let app: App | null = null;
  const handle = requestHandler(options, async (event) => {
    if (app === null) throw new Error('the Slack app is not initialized');
    await app.processEvent(event);
  });
  return {
    init(bolt) {
      app = bolt;
    },
    async start() {},
    async stop() {},
    handle,
  };
}

/** Reads, verifies and parses a request, hands it over, and answers once it is acknowledged. Does not need Bolt. */
export function requestHandler(
  options: ReceiverOptions,
  handler: InteractivityHandler,
): (request: Request) => Promise<Response> {
  const { signingSecret, clock, log, ackMs = ACK_MS } = options;
  if (signingSecret === '') throw new Error('SLACK_SIGNING_SECRET is empty: anybody could sign');
  const seen = new SeenSignatures();

  return async (request) => {
    const type = request.headers.get('content-type')?.toLowerCase() ?? '';
    const isForm = type.startsWith('application/x-www-form-urlencoded');
    // Events come as JSON; all else is a form.
    if (!isForm && !/^application\/json\s*(;|$)/.test(type)) return plain(415, 'expected a form, or an event as JSON');
    const bytes = await readBody(request, request.headers.get('content-length'), MAX_BODY);
    if (bytes === null) return plain(413, 'too large');

    // Verified over the raw bytes, before parsing: nothing unsigned is interpreted.
    const headers = {
      timestamp: request.headers.get('x-slack-request-timestamp'),
      signature: request.headers.get('x-slack-signature'),
    };
    const verified = verifySignature(signingSecret, headers, bytes, clock.now());
    if (verified.kind === 'refused') {
      log.warn({ reason: verified.reason }, 'a request to the Slack door was not from Slack');
      return plain(401, `not from Slack: ${verified.reason}`);
    }
    const body = isForm ? payload(bytes) : eventIn(bytes);
    if (body === null) return plain(400, 'no payload');
    if (body.type === 'url_verification') return Response.json({ challenge: String(body.challenge).slice(0, 500) });
    if (!seen.add(verified.signature, clock.now())) return plain(409, 'this request was already served');

    const answer = await acknowledged(body, handler, ackMs, log);
    if (answer.status >= 500) seen.forget(verified.signature);
    return answer;
  };
}

/** Resolves with the ack; with 404 if nobody took the event, 500 if handling it threw, 503 if the ack came too late. */
function acknowledged(
  body: Record<string, unknown>,
  handler: InteractivityHandler,
  ackMs: number,
  log: Log,
): Promise<Response> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      log.error({}, 'a Slack interaction was not acknowledged in time');
      resolve(plain(503, 'not in time'));
    }, ackMs);
    const settle = (response: Response) => {
      clearTimeout(timer);
      resolve(response);
    };
    const ack = async (answer?: unknown) => settle(ackResponse(answer));
    handler({ body, ack }).then(
      () => settle(plain(404, 'unknown action')),
      (error: unknown) => {
        log.error({ err: error }, 'a Slack interaction failed');
        settle(plain(500, 'failed'));
      },
    );
  });
}

function ackResponse(answer: unknown): Response {
  return answer === undefined || answer === '' ? new Response(null, { status: 200 }) : Response.json(answer);
}

function payload(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const given = new URLSearchParams(text).getAll('payload');
    const body: unknown = given.length === 1 ? JSON.parse(given[0]!) : null;
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** An event, or Slack's question whether this is the address; null for all else. */
function eventIn(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const type =
      typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as { type?: unknown }).type : null;
    return type === 'event_callback' || type === 'url_verification' ? (body as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const plain = (status: number, text: string): Response => new Response(`${text}\n`, { status });
