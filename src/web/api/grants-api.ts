import type { Context, Hono } from 'hono';
import { freezeReason } from '../../domain/freeze/freeze.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { actorOf } from '../../gateway/decision/actor.ts';
import { type RevocableGrant, revokeGrant } from '../../gateway/decision/revoke-grant.ts';
import { noteRefusal, operates } from '../../gateway/freeze/set-freeze.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Records, Revocation, Revocations } from '../../ports.ts';
import { type ApiEnv, bodyObject } from './body.ts';

/** A grant of the config. */
export interface ConfiguredGrant extends RevocableGrant {
  readonly expires: Date | null;
  readonly selfApproval: boolean;
}

/** What the routes of grants need beside the gateway. */
export interface GrantsApi {
  /** As of now: a reload shows at once. */
  readonly grants: () => readonly ConfiguredGrant[];
  readonly records: Pick<Records, 'lastUses'>;
  readonly revocations: Revocations;
}

/** `GET /api/grants` and `DELETE /api/grants/{name}` with `{"reason"}`, for operators. A GET changes nothing. */
export function grantRoutes(app: Hono<ApiEnv>, gateway: Gateway, { grants, records, revocations }: GrantsApi): void {
  const shown = async (chosen: readonly ConfiguredGrant[]): Promise<JsonObject[]> => {
    const [uses, revoked] = await Promise.all([records.lastUses(chosen.map(({ name }) => name)), revocations.list()]);
    return chosen.map((grant) => grantJson(grant, uses.get(grant.name) ?? null, revocationOf(grant, revoked)));
  };

  app.get('/api/grants', async (c) => c.json({ items: await shown(grants()), next: null }));

  app.delete('/api/grants/:name', async (c) => {
    const body = await bodyObject(c);
    if (typeof body === 'string') return fault(c, 400, 'bad_body', body);
    const why = freezeReason(member(body, 'reason'));
    if ('fault' in why) return fault(c, 400, 'bad_reason', why.fault);
    const name = c.req.param('name');
    const { id, via } = c.get('approver');
    const operator = { id, via, roles: c.get('caller').roles };
    if (!operates(gateway.rules, operator)) {
      await noteRefusal(gateway, { operator, asked: 'revoke', about: { grant: name } });
      return fault(
        c,
        403,
        'not_an_operator',
        'Only operators can revoke grants. The config lists them under operators.',
      );
    }
    const found = grants().find((grant) => grant.name === name);
    if (found === undefined)
      return fault(c, 404, 'not_found', 'The config has no such grant. GET /api/grants lists them.');
    const result = await revokeGrant({ clock: gateway.clock, revocations }, found, actorOf(operator), why.reason);
    const [json = {}] = await shown([found]);
    return c.json(json, result === 'revoked' ? 200 : 409);
  });
}

/** The revocation of the grant's newest token: an older one is no longer what its agent needs. */
function revocationOf({ tokenSha256 }: ConfiguredGrant, revoked: readonly Revocation[]): Revocation | null {
  return revoked.find((one) => one.tokenSha256 === tokenSha256) ?? null;
}

/** A grant as the API returns it: nothing of its token. */
function grantJson(grant: ConfiguredGrant, used: Date | null, revoked: Revocation | null): JsonObject {
  const { name, owner, servers, expires, selfApproval, retiringSha256 } = grant;
  return {
    name,
    owner,
    servers: [...servers],
    expires: expires?.toISOString() ?? null,
    selfApproval,
    tokens: retiringSha256 === null ? 1 : 2,
    lastUse: used?.toISOString() ?? null,
    revoked: revoked === null ? null : { by: revoked.actor, at: revoked.at.toISOString(), reason: revoked.reason },
  };
}

function fault(c: Context, status: 400 | 403 | 404, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
