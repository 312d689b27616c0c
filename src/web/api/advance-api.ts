import type { Context, Hono } from 'hono';
import { type Allowance, callsLeft, type StandingDenial } from '../../domain/allowance/allowance.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { type Ender, revokeAllowance, revokeDenial } from '../../gateway/allowance/end.ts';
import { withSlackGroups } from '../../gateway/decision/slack-groups.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ApiEnv } from './body.ts';
import { pageJson } from './page-json.ts';

/** Items per page. */
const MAX_LIMIT = 500;
const NOT_ALLOWED = 'Only who may approve the call, who gave it, the owner of the agent, and operators can end it.';

/** Lists, and ends, what people gave in advance. A GET changes nothing. */
export function advanceRoutes(app: Hono<ApiEnv>, gateway: Gateway): void {
  app.get('/api/allowances', async (c) => {
    const filter = filterOf(c);
    if (filter instanceof Response) return filter;
    const page = await gateway.allowances.list(filter);
    return pageJson(c, page.items, (one) => allowanceJson(one, gateway.clock.now()), page.next);
  });

  app.delete('/api/allowances/:id', async (c) => {
    const revoked = await revokeAllowance(gateway, c.req.param('id'), enderOf(c, gateway));
    if (revoked.kind === 'not_allowed') return fault(c, 403, 'not_allowed', NOT_ALLOWED);
    if (revoked.kind === 'not_found') return fault(c, 404, 'not_found', 'There is no such allowance.');
    return c.json(allowanceJson(revoked.it, gateway.clock.now()), revoked.kind === 'ended' ? 200 : 409);
  });

  app.get('/api/denials', async (c) => {
    const filter = filterOf(c);
    if (filter instanceof Response) return filter;
    const page = await gateway.denials.list(filter);
    return pageJson(c, page.items, (one) => denialJson(one, gateway.clock.now()), page.next);
  });

  app.delete('/api/denials/:id', async (c) => {
    const ended = await revokeDenial(gateway, c.req.param('id'), enderOf(c, gateway));
    if (ended.kind === 'not_allowed') return fault(c, 403, 'not_allowed', NOT_ALLOWED);
    if (ended.kind === 'not_found') return fault(c, 404, 'not_found', 'There is no such standing denial.');
    return c.json(denialJson(ended.it, gateway.clock.now()), ended.kind === 'ended' ? 200 : 409);
  });
}

/** An allowance as the API returns it. */
export function allowanceJson(one: Allowance, now: Date) {
  const { bounds, ended, until } = one;
  const left = callsLeft(one, now);
  return {
    id: one.id,
    approval: one.approval,
    grant: grantNameOf(one.grant),
    principal: one.grant,
    server: one.server,
    tool: one.tool,
    bounds: {
      minutes: bounds.minutes,
      calls: bounds.calls,
      mayVary: one.mayVary,
      within: [...one.within, ...bounds.says],
    },
    since: one.at.toISOString(),
    until: until.toISOString(),
    used: one.used,
    left,
    state: ended?.why ?? (one.used >= bounds.calls ? 'spent' : now >= until ? 'over' : 'given'),
    by: one.by,
    endedAt: ended?.at.toISOString() ?? null,
    endedBy: ended?.by ?? null,
  };
}

/** A standing denial as the API returns it. */
export function denialJson(one: StandingDenial, now: Date) {
  const { ended, until } = one;
  return {
    id: one.id,
    approval: one.approval,
    grant: grantNameOf(one.grant),
    principal: one.grant,
    server: one.server,
    tool: one.tool,
    mayVary: one.mayVary,
    reason: one.reason,
    since: one.at.toISOString(),
    until: until.toISOString(),
    state: ended?.why ?? (now >= until ? 'over' : 'given'),
    by: one.by,
    endedAt: ended?.at.toISOString() ?? null,
    endedBy: ended?.by ?? null,
  };
}

function filterOf(c: Context<ApiEnv>) {
  const state = c.req.query('state');
  if (state !== undefined && state !== 'living' && state !== 'ended') {
    return fault(c, 400, 'bad_state', 'state is living or ended.');
  }
  const limit = Number(c.req.query('limit') ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return fault(c, 400, 'bad_limit', `limit is a whole number from 1 to ${MAX_LIMIT}.`);
  }
  const [after, approval] = [c.req.query('after'), c.req.query('approval')];
  return {
    limit,
    ...(after ? { after } : {}),
    ...(approval ? { approval } : {}),
    ...(state === undefined ? {} : { living: state === 'living' }),
  };
}

function enderOf(c: Context<ApiEnv>, gateway: Gateway): Ender {
  const approver = c.get('approver');
  const inGroups: NonNullable<Ender['inGroups']> = (approval) =>
    withSlackGroups(gateway, approval, approver, 'take_back');
  return { ...approver, roles: c.get('caller').roles, inGroups };
}

function fault(c: Context, status: 400 | 403 | 404, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
