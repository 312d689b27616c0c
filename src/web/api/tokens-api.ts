import type { Context, Hono } from 'hono';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { isRole, ROLES } from '../../domain/people/role.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { isGood, keepPersonalToken, MOST_TOKEN_DAYS, revokeToken } from '../../gateway/person/tokens.ts';
import type { ApiToken } from '../../ports.ts';
import type { PeopleDoors } from '../http/people-doors.ts';
import { newTokenText } from '../http/personal-token.ts';
import { type ApiEnv, bodyObject } from './body.ts';

const LONGEST_NAME = 80;

/**
 * `GET /api/tokens`: one's own; everybody's for auditors, operators and the admin token. `POST`: a person makes one, in the
 * console. `DELETE /api/tokens/{id}`: one's own; anybody's for operators and the admin token. And `GET /api/people`.
 */
export function tokenRoutes(app: Hono<ApiEnv>, gateway: Gateway, people: PeopleDoors): void {
  const { tokens, directory } = people;
  const deps = { gateway, tokens, directory };

  app.get('/api/tokens', async (c) => {
    const { approver, roles } = c.get('caller');
    const all = roles === null || roles.has('auditor') || roles.has('operator');
    return c.json({
      items: (await tokens.list(all ? null : approver.id)).map((token) => tokenJson(token, gateway.clock.now())),
      next: null,
    });
  });

  app.post('/api/tokens', async (c) => {
    const { approver, roles, by } = c.get('caller');
    if (by !== 'login' || roles === null)
      return fault(c, 403, 'not_here', 'A person makes tokens in the console, signed in by the provider.');
    const body = await bodyObject(c);
    const asked = typeof body === 'string' ? body : readToken(body);
    if (typeof asked === 'string') return fault(c, 400, 'bad_token', asked);
    const text = newTokenText();
    const made = await keepPersonalToken(deps, approver.id, { ...asked, text });
    if (made.kind === 'refused') return fault(c, 403, 'role', made.why);
    return c.json({ ...tokenJson(made.token, gateway.clock.now()), token: text }, 201);
  });

  app.delete('/api/tokens/:id', async (c) => {
    const { approver, roles } = c.get('caller');
    const any = roles === null || roles.has('operator');
    const id = c.req.param('id').slice(0, 100);
    const revoked = await revokeToken(deps, id, approver.id, any ? null : approver.id);
    return revoked === null
      ? fault(c, 404, 'not_found', 'You have no such token that is still good. GET /api/tokens lists them.')
      : c.json(tokenJson(revoked, gateway.clock.now()));
  });

  app.get('/api/people', (c) => c.json({ items: directory.people().map((one) => ({ ...one })), next: null }));
}

/** What is asked for, or what is wrong with it. */
function readToken(body: JsonObject) {
  const name = member(body, 'name');
  const role = member(body, 'role');
  const days = member(body, 'days') ?? 30;
  if (typeof name !== 'string' || !/^[^\p{C}]+$/u.test(name) || name.trim() === '' || name.length > LONGEST_NAME)
    return `name is a text of up to ${LONGEST_NAME} characters that says what the token is for.`;
  if (typeof role !== 'string' || !isRole(role)) return `role is one of ${ROLES.join(', ')}.`;
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 1 || days > MOST_TOKEN_DAYS)
    return `days is a whole number from 1 to ${MOST_TOKEN_DAYS}.`;
  return { name: name.trim(), role, days };
}

/** A token as the API returns it: nothing of the token itself. */
function tokenJson(token: ApiToken, now: Date) {
  const { id, owner, name, role, at, endsAt, revokedAt, revokedBy } = token;
  const revoked = revokedAt === null ? null : { at: revokedAt.toISOString(), by: revokedBy };
  return {
    id,
    owner,
    name,
    role,
    createdAt: at.toISOString(),
    expiresAt: endsAt.toISOString(),
    revoked,
    good: isGood(token, now),
  };
}

function fault(c: Context, status: 400 | 403 | 404, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
