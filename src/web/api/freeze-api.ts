import type { Context, Hono } from 'hono';
import { type Freeze, type FreezeScope, freezeReason, MOST_FREEZES, scopeWords } from '../../domain/freeze/freeze.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { liftFreeze } from '../../gateway/freeze/lift-freeze.ts';
import { setFreeze } from '../../gateway/freeze/set-freeze.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { type ApiEnv, bodyObject } from './body.ts';

type NotOk = 400 | 403 | 404 | 409;

const NOT_AN_OPERATOR = 'Only operators can freeze and thaw. The config lists them under operators.';

/** `POST|GET /api/freeze` and `DELETE /api/freeze/{id}`. A GET changes nothing. */
export function freezeRoutes(app: Hono<ApiEnv>, gateway: Gateway): void {
  const { freezes } = gateway;
  app.get('/api/freeze', async (c) => c.json({ items: (await freezes.list()).map(freezeJson), next: null }));

  app.post('/api/freeze', async (c) => {
    const body = await bodyObject(c);
    if (typeof body === 'string') return fault(c, 400, 'bad_freeze', body);
    const scope = scopeIn(body);
    if (scope === null) return fault(c, 400, 'bad_scope', 'scope is "all", {"server": "…"} or {"grant": "…"}.');
    const why = freezeReason(member(body, 'reason'));
    if ('fault' in why) return fault(c, 400, 'bad_reason', why.fault);
    const set = await setFreeze(gateway, scope, why.reason, operatorOf(c));
    switch (set.kind) {
      case 'set':
        return c.json(freezeJson(set.freeze), 201);
      case 'exists':
        return c.json(freezeJson(set.freeze), 409);
      case 'crowded':
        return fault(c, 409, 'too_many', `There can be at most ${MOST_FREEZES} freezes. Freeze everything instead.`);
      case 'not_an_operator':
        return fault(c, 403, 'not_an_operator', NOT_AN_OPERATOR);
      case 'unknown_scope':
        return fault(c, 404, 'unknown_scope', `The config has no ${scopeWords(scope).replace(/^the /, '')}.`);
      default:
        return set satisfies never;
    }
  });

  app.delete('/api/freeze/:id', async (c) => {
    const body = await bodyObject(c);
    if (typeof body === 'string') return fault(c, 400, 'bad_thaw', body);
    const why = freezeReason(member(body, 'reason'));
    if ('fault' in why) return fault(c, 400, 'bad_reason', why.fault);
    const lifted = await liftFreeze(gateway, c.req.param('id'), why.reason, operatorOf(c));
    switch (lifted.kind) {
      case 'lifted':
        return c.json(freezeJson(lifted.freeze));
      case 'already': {
        const { freeze, liftedAt, liftedBy } = lifted;
        return c.json({ ...freezeJson(freeze), liftedAt: liftedAt.toISOString(), liftedBy }, 409);
      }
      case 'not_found':
        return fault(c, 404, 'not_found', 'There is no such freeze. GET /api/freeze lists those in force.');
      case 'not_an_operator':
        return fault(c, 403, 'not_an_operator', NOT_AN_OPERATOR);
      default:
        return lifted satisfies never;
    }
  });
}

/** A freeze as the API returns it. */
export function freezeJson({ id, scope, reason, by, since }: Freeze): JsonObject {
  return { id, scope: scopeJson(scope), reason, by, since: since.toISOString() };
}

function scopeJson(scope: FreezeScope): Json {
  return scope.kind === 'all' ? 'all' : { [scope.kind]: scope.name };
}

/** null: it names none, or more than one. */
function scopeIn(body: JsonObject): FreezeScope | null {
  const scope = member(body, 'scope');
  if (scope === 'all') return { kind: 'all' };
  if (scope === undefined || !isObject(scope) || Object.keys(scope).length !== 1) return null;
  for (const kind of ['server', 'grant'] as const) {
    const name = member(scope, kind);
    if (typeof name === 'string' && name !== '' && name.length <= 200) return { kind, name };
  }
  return null;
}

/** Whoever holds the token is `admin`; a signed-in person is who they are. */
function operatorOf(c: Context<ApiEnv>) {
  const { id, via } = c.get('approver');
  return { id, via, roles: c.get('caller').roles };
}

function fault(c: Context, status: NotOk, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
