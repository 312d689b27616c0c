import type { Context, Hono } from 'hono';
import { NO_SUBJECT } from '../../domain/log/event.ts';
import type { OversightReport } from '../../domain/log/oversight.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ApiEnv } from './body.ts';
import { oversightCsv } from './oversight-csv.ts';
import { periodIn } from './oversight-query.ts';

/** Draws the report as a page of its own. */
export type DrawReport = (report: OversightReport, now: Date) => Promise<string>;

/** `GET /api/oversight`, and the same as files: who decided what, how fast. Only reads; who read it is logged. */
export function oversightRoutes(app: Hono<ApiEnv>, gateway: Gateway, draw: DrawReport | undefined): void {
  app.get('/api/oversight', async (c) => {
    const report = await reportFor(c, gateway, 'json');
    return report instanceof Response ? report : c.json(report);
  });

  app.get('/api/oversight/report.csv', async (c) => {
    const report = await reportFor(c, gateway, 'csv');
    return report instanceof Response ? report : asFile(c, report, 'csv', oversightCsv(report));
  });

  if (draw === undefined) return;
  app.get('/api/oversight/report.html', async (c) => {
    const report = await reportFor(c, gateway, 'html');
    if (report instanceof Response) return report;
    return asFile(c, report, 'html', await draw(report, gateway.clock.now()));
  });
}

async function reportFor(c: Context<ApiEnv>, gateway: Gateway, as: string): Promise<OversightReport | Response> {
  const { clock, journal, oversight } = gateway;
  const period = periodIn((name) => c.req.query(name), clock.now());
  if (typeof period === 'string') return c.json({ error: 'bad_period', reason: period }, 400);
  const report = await oversight.report(period);
  const actor = actorOf(c.get('approver'));
  const data = { what: 'oversight', ...period, as };
  journal.note({ ...NO_SUBJECT, type: 'admin.read', at: clock.now(), actor, data });
  return report;
}

function asFile(c: Context, { from, to }: OversightReport, type: 'csv' | 'html', text: string): Response {
  return c.body(text, 200, {
    'content-type': `text/${type}; charset=utf-8`,
    'content-disposition': `attachment; filename="holdfast-oversight-${from}-${to}.${type}"`,
  });
}
