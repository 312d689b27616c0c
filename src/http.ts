import { Hono } from 'hono';
import type { DirectDoor } from './mcp/door/direct.ts';
import { readableUrl } from './web/http/readable-url.ts';
import { dataHeaders } from './web/http/security-headers.ts';

/** The apps of all doors, each with its own paths. */
export interface Doors {
  readonly mcp: Hono;
  /** The short way into it for requests of node:http; absent: there is none. */
  readonly direct?: DirectDoor;
  /** null: Slack does not call over HTTP. */
  readonly slack: Hono | null;
  readonly api: Hono;
  /** The audit log for programs; comes before `api`, which takes the other API paths. */
  readonly audit: Hono;
  readonly health: Hono;
  /** Descriptions that are public: the schema of policy files, the API. */
  readonly schema: Hono;
  /** null: this runtime counts nothing. */
  readonly metrics: Hono | null;
  /** null: this runtime serves no pages. */
  readonly console: Hono | null;
}

/** Answers requests. */
export interface HttpApp extends Pick<Hono, 'fetch'> {
  /** As in `Doors`. */
  readonly direct?: DirectDoor;
}

const AGENT_CALL = /^https?:\/\/[^/]+\/mcp\/[^/]+$/;

/**
 * One app for all doors; each door refuses requests by itself. Agents' calls, nearly all of the traffic, go straight to
 * their own door: routing them among the paths of all doors takes half as long again.
 */
export function httpApp(doors: Doors): HttpApp {
  const app = new Hono();
  // The agents' door relays: what a server answers stays as it is, and its own answers carry their headers themselves.
  app.route('/', doors.mcp);
  app.use('*', dataHeaders);
  app.use('*', readableUrl);
  if (doors.slack !== null) app.route('/', doors.slack);
  app.route('/', doors.health);
  app.route('/', doors.schema);
  if (doors.metrics !== null) app.route('/', doors.metrics);
  app.route('/', doors.audit);
  app.route('/', doors.api);
  if (doors.console !== null) app.route('/', doors.console);
  app.notFound((c) => c.json({ error: 'not_found', reason: `There is nothing at ${c.req.path}.` }, 404));
  const { direct } = doors;
  return {
    fetch: (request, ...rest) => (AGENT_CALL.test(request.url) ? doors.mcp : app).fetch(request, ...rest),
    ...(direct && { direct }),
  };
}
