import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { actorOf } from '../../domain/people/actor.ts';
import { revokeGrant } from '../../gateway/decision/revoke-grant.ts';
import { askForTools } from '../../gateway/tools/ask-for-tools.ts';
import { cookieRequestFault } from '../http/login-sessions.ts';
import { explainCall } from '../pages/explain.ts';
import type { ConsoleDeps, ConsoleEnv } from './context.ts';

/** Bytes. Pasted arguments may be as long as a call's. */
const MAX_BODY = 5 * 1024 * 1024;

/**
 * What a signed-in reviewer can do by POST besides deciding: explain a call, ask a server for its tools, revoke a grant.
 * Refused with 403 unless it is JSON from the console's own pages, and logged then.
 */
export function consoleActions(app: Hono<ConsoleEnv>, deps: ConsoleDeps): void {
  const { loginSessions, config } = deps;
  app.use('/console/*', async (c, next) => {
    if (c.req.method !== 'POST') return next();
    const fault = cookieRequestFault(c, loginSessions);
    if (fault === null) return next();
    loginSessions.noteRefusal(c, c.get('login').reviewer, fault);
    return c.json({ error: 'forbidden', reason: fault }, 403);
  });
  const tooLong = (c: Context) => c.json({ error: 'too_long', reason: 'The body is too long.' }, 413);
  app.use('/console/*', bodyLimit({ maxSize: MAX_BODY, onError: tooLong }));
  app.post('/console/explain', async (c) => {
    const body = await bodyOf(c);
    return body === null
      ? c.json({ error: 'bad_body', reason: 'The body is not a JSON object.' }, 400)
      : c.html(explainCall(config, body));
  });
  app.post('/console/tools', (c) => askServerForTools(c, deps));
  app.post('/console/revoke', async (c) => {
    const body = await bodyOf(c);
    const grant = member(body, 'grant');
    const reason = member(body, 'reason');
    if (typeof grant !== 'string') return c.json({ error: 'bad_body', reason: 'Name a grant.' }, 400);
    const why = typeof reason === 'string' && reason.trim() !== '' ? reason.slice(0, 500).replaceAll('\0', '') : null;
    const found = config.grants().find(({ name }) => name === grant);
    if (found === undefined) return c.json({ grant, result: 'not_found' }, 404);
    const { clock } = deps.gateway;
    const result = await revokeGrant(
      { clock, revocations: deps.revocations },
      found,
      actorOf(c.get('login').reviewer),
      why,
    );
    if (result === 'revoked') await deps.gateway.storeWatch.tellSets();
    return c.json({ grant, result });
  });
}

/** The use case logs who asked. */
async function askServerForTools(
  c: Context<ConsoleEnv>,
  { gateway, askServer, config }: ConsoleDeps,
): Promise<Response> {
  const server = member(await bodyOf(c), 'server');
  if (typeof server !== 'string' || !config.servers().some(({ name }) => name === server)) {
    return c.json({ error: 'not_found', reason: 'There is no such server.' }, 404);
  }
  if (askServer === undefined) return c.json({ error: 'closed', reason: 'Servers cannot be asked from here.' }, 403);
  const answer = await askForTools(gateway, askServer, server, actorOf(c.get('login').reviewer));
  switch (answer.kind) {
    case 'listed':
      return c.json({ server, tools: answer.count });
    case 'failed':
      return c.json({ error: 'no_answer', reason: `${server} did not list its tools: ${answer.why}` }, 502);
    case 'unknown':
      return c.json({ error: 'not_found', reason: 'There is no such server.' }, 404);
    default:
      return answer satisfies never;
  }
}

/** null: not a JSON object. */
async function bodyOf(c: Context): Promise<Json | null> {
  try {
    const body = JSON.parse(await c.req.text()) as Json;
    return isObject(body) ? body : null;
  } catch {
    return null;
  }
}
