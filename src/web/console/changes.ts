import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { revokeGrant } from '../../gateway/decision/revoke-grant.ts';
import { askForTools } from '../../gateway/tools/ask-for-tools.ts';
import { foreign } from '../http/login-sessions.ts';
import { explain } from '../pages/explain.ts';
import type { ConsoleDeps, ConsoleEnv } from './context.ts';

/** Bytes of a body: pasted arguments may be as long as a call's. */
const LONGEST_BODY = 5 * 1024 * 1024;

/** What a signed-in reviewer may change or ask by POST: from our own page, as JSON. */
export function changes(app: Hono<ConsoleEnv>, deps: ConsoleDeps): void {
  const { reception, book } = deps;
  app.use('/console/*', async (c, next) => {
    if (c.req.method !== 'POST') return next();
    const fault = foreign(c, reception);
    if (fault === null) return next();
    reception.refuse(c, c.get('visit'), fault);
    return c.json({ error: 'forbidden', reason: fault }, 403);
  });
  const tooLong = (c: Context) => c.json({ error: 'too_long', reason: 'The body is too long.' }, 413);
  app.use('/console/*', bodyLimit({ maxSize: LONGEST_BODY, onError: tooLong }));
  app.post('/console/explain', async (c) => {
    const body = await bodyOf(c);
    return body === null
      ? c.json({ error: 'bad_body', reason: 'The body is no JSON object.' }, 400)
      : c.html(explain(book, body));
  });
  app.post('/console/tools', (c) => tools(c, deps));
  app.post('/console/revoke', async (c) => {
    const body = await bodyOf(c);
    const grant = member(body, 'grant');
    const reason = member(body, 'reason');
    if (typeof grant !== 'string') return c.json({ error: 'bad_body', reason: 'Name a grant.' }, 400);
    const why = typeof reason === 'string' && reason.trim() !== '' ? reason.slice(0, 500).replaceAll('\0', '') : null;
    const known = book.grants().find((one) => one.name === grant);
    if (known === undefined) return c.json({ grant, result: 'not_found' }, 404);
    const { clock } = deps.gateway;
    const result = await revokeGrant({ clock, revocations: deps.revocations }, known, c.get('visit').reviewer.id, why);
    return c.json({ grant, result });
  });
}

/** A server is asked for its tools: a reviewer's wish, told in the log. */
async function tools(c: Context<ConsoleEnv>, { gateway, askServer, book }: ConsoleDeps): Promise<Response> {
  const server = member(await bodyOf(c), 'server');
  if (typeof server !== 'string' || !book.servers().some((one) => one.name === server)) {
    return c.json({ error: 'not_found', reason: 'There is no such server.' }, 404);
  }
  if (askServer === undefined) return c.json({ error: 'closed', reason: 'Servers cannot be asked from here.' }, 403);
  const said = await askForTools(gateway, askServer, server, c.get('visit').reviewer.id);
  switch (said.kind) {
    case 'listed':
      return c.json({ server, tools: said.count });
    case 'failed':
      return c.json({ error: 'no_answer', reason: `${server} did not list its tools: ${said.why}` }, 502);
    case 'unknown':
      return c.json({ error: 'not_found', reason: 'There is no such server.' }, 404);
    default:
      return said satisfies never;
  }
}

async function bodyOf(c: Context): Promise<Json | null> {
  try {
    const body = JSON.parse(await c.req.text()) as Json;
    return isObject(body) ? body : null;
  } catch {
    return null;
  }
}
