import { Hono } from 'hono';

/** The doors, each with its own paths. */
export interface Doors {
  readonly mcp: Hono;
  /** null: no Slack over HTTP. */
  readonly slack: Hono | null;
  readonly api: Hono;
  /** The log for programs; what it does not take is the API's. */
  readonly audit: Hono;
  readonly health: Hono;
  readonly schema: Hono;
  /** null: nothing is counted here. */
  readonly metrics: Hono | null;
  /** null: no pages here. */
  readonly console: Hono | null;
}

/** A request in, its response out. */
export type HttpApp = Pick<Hono, 'fetch'>;

const AGENTS = /^https?:\/\/[^/]+\/mcp\/[^/]+$/;

/**
 * One app; every door refuses for itself. Agents' calls, which are nearly everything, are found by their own door's few
 * paths: among all paths of all doors, finding them takes half as long again.
 */
export function httpApp(doors: Doors): HttpApp {
  const app = new Hono();
  app.route('/', doors.mcp);
  if (doors.slack !== null) app.route('/', doors.slack);
  app.route('/', doors.health);
  app.route('/', doors.schema);
  if (doors.metrics !== null) app.route('/', doors.metrics);
  app.route('/', doors.audit);
  app.route('/', doors.api);
  if (doors.console !== null) app.route('/', doors.console);
  app.notFound((c) => c.json({ error: 'not_found', reason: `There is nothing at ${c.req.path}.` }, 404));
  return {
    fetch: (request, ...rest) => (AGENTS.test(request.url) ? doors.mcp : app).fetch(request, ...rest),
  };
}
