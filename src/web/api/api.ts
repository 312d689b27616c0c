import { type Context, Hono } from 'hono';
import { type Approver, STATES, type State } from '../../domain/approval/approval.ts';
import type { RefusalReason } from '../../domain/approval/decide.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { decideApproval } from '../../gateway/decision/decide.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { Unavailable } from '../../ports.ts';
import { isAdmin } from '../http/admin.ts';
import { foreign, type LoginSessions } from '../http/login-sessions.ts';
import { addressOf } from '../http/metrics.ts';
import { approvalJson, eventJson } from './approval-json.ts';

export interface ApiDeps {
  readonly gateway: Gateway;
  /** null: the API is closed. */
  readonly adminToken: string | null;
  /** Knows who is signed in to the console; without it only the token is taken. */
  readonly reception?: LoginSessions;
}

/** Who speaks, for the handlers. */
type ApiEnv = { Variables: { approver: Approver } };

const MOST = 500;
const LONGEST_BODY = 64 * 1024;
const LONGEST_REASON = 2_000;

/**
 * The reviewers' door for programs. The admin token reads; it decides as one vote named `admin`, where an approvers'
 * group lists it. Nothing here is decided by GET.
 */
export function api({ gateway, adminToken, reception }: ApiDeps): Hono {
  const app = new Hono<ApiEnv>();
  const { store } = gateway;

  app.use('/api/*', async (c, next) => {
    if (adminToken === null) return fault(c, 403, 'closed', 'Set HOLDFAST_ADMIN_TOKEN to open the API.');
    const known = await whoAsks(c, adminToken, reception);
    if (known instanceof Response) {
      const about = { door: 'api', status: known.status, server: null, grant: null } as const;
      gateway.accessLog.refused({ ...about, address: addressOf(c) });
      return known;
    }
    c.set('approver', known);
    return next();
  });

  app.get('/api/approvals', async (c) => {
    const states = statesOf(c.req.query('state'));
    if (states === null)
      return fault(c, 400, 'bad_state', `state is one of ${STATES.join(', ')}, or several with commas.`);
    const limit = limitOf(c.req.query('limit'));
    if (limit === null) return fault(c, 400, 'bad_limit', `limit is a whole number from 1 to ${MOST}.`);
    const after = c.req.query('after');
    const page = await store.list({ limit, ...(states ? { states } : {}), ...(after ? { after } : {}) });
    return c.json({ items: page.items.map(approvalJson), next: page.next });
  });

  app.get('/api/approvals/:id', async (c) => {
    const approval = await store.find(c.req.param('id'));
    return approval ? c.json(approvalJson(approval)) : notFound(c);
  });

  app.post('/api/approvals/:id/decisions', (c) => takeDecision(c, gateway));

  app.get('/api/events', async (c) => {
    const limit = limitOf(c.req.query('limit'));
    const after = Number(c.req.query('after') ?? 0);
    if (limit === null) return fault(c, 400, 'bad_limit', `limit is a whole number from 1 to ${MOST}.`);
    if (!Number.isSafeInteger(after) || after < 0)
      return fault(c, 400, 'bad_after', 'after is the n of the last event you have.');
    const approval = c.req.query('approval');
    const about = approval ? { approval } : {};
    const items = await store.events({ ...about, after, limit });
    const last = items.at(-1)?.n ?? null;
    const more =
      last !== null && (items.length === limit || (await store.events({ ...about, after: last, limit: 1 })).length > 0);
    return c.json({ items: items.map(eventJson), next: more ? String(last) : null });
  });

  app.all('/api/*', notFound);
  app.onError((error, c) => {
    if (error instanceof Unavailable)
      return fault(c, 503, 'unavailable', `The ${error.part} does not answer. Try again in a minute.`);
    gateway.log.error({ err: error }, 'an API request failed');
    return fault(c, 500, 'failed', 'The gateway failed on this request. Its operator finds the reason in its log.');
  });
  return app as unknown as Hono;
}

/** The token's holder, or the reviewer behind the cookie. A cookie changes something only from our own page, as JSON. */
async function whoAsks(
  c: Context,
  adminToken: string,
  reception: LoginSessions | undefined,
): Promise<Approver | Response> {
  const authorization = c.req.header('authorization');
  if (isAdmin(authorization, adminToken)) return { id: 'admin', via: 'api', userGroups: [] };
  const visit = authorization === undefined && reception ? await reception.visit(c) : null;
  if (visit === null || reception === undefined) {
    return fault(c, 401, 'unauthorized', 'Send the admin token: Authorization: Bearer ….');
  }
  const refused = c.req.method === 'GET' ? null : foreign(c, reception);
  if (refused !== null) {
    reception.refuse(c, visit, refused);
    return fault(c, 403, 'forbidden', refused);
  }
  return { id: visit.reviewer.id, via: 'console', userGroups: visit.reviewer.userGroups };
}

async function takeDecision(c: Context<ApiEnv>, gateway: Gateway): Promise<Response> {
  const word = await wordOf(c);
  if (typeof word === 'string') return fault(c, 400, 'bad_decision', word);
  const approver = c.get('approver');
  const { pickupMs } = gateway.rules.approval;
  const decided = await decideApproval(gateway, c.req.param('id') ?? '', word, approver, { pickupMs });
  switch (decided.kind) {
    case 'recorded':
      return c.json(approvalJson(decided.approval));
    case 'not_found':
      return notFound(c);
    case 'refused': {
      const over = decided.reason === 'already_decided' || decided.reason === 'expired';
      if (over) return c.json(approvalJson(decided.approval), 409);
      return fault(c, 403, decided.reason, REFUSALS[decided.reason]);
    }
    default:
      return decided satisfies never;
  }
}

const REFUSALS: Record<RefusalReason, string> = {
  already_decided: 'Somebody decided first.',
  expired: 'Its time is over.',
  already_voted: 'The admin token has voted already; one vote a name.',
  not_an_approver: 'No approvers’ group of this call lists admin. The admin token reads; it does not decide here.',
  own_call: 'The owner of the calling grant may not approve its calls.',
  other_call: 'The fingerprint you sent is of another call.',
  reason_required: 'This policy wants a reason with a denial.',
};

/** The word in the body, or what is wrong with it. */
async function wordOf(c: Context) {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    return 'Send a JSON body as application/json.';
  const text = await c.req.text();
  if (text.length > LONGEST_BODY) return `The body is longer than ${LONGEST_BODY} characters.`;
  let body: Json;
  try {
    body = JSON.parse(text) as Json;
  } catch {
    return 'The body is not JSON.';
  }
  if (!isObject(body)) return 'The body is not an object.';
  const choice = member(body, 'decision');
  const reason = member(body, 'reason') ?? null;
  const fingerprint = member(body, 'fingerprint') ?? null;
  if (choice !== 'approve' && choice !== 'deny') return 'decision is "approve" or "deny".';
  if (reason !== null && typeof reason !== 'string') return 'reason is a text.';
  if (fingerprint !== null && typeof fingerprint !== 'string') return 'fingerprint is a text.';
  const kept = reason === null ? null : reason.slice(0, LONGEST_REASON).replaceAll('\0', '').toWellFormed();
  return { choice, reason: kept, fingerprint } as const;
}

/** undefined: not asked for; null: unknown. */
function statesOf(text: string | undefined): State[] | null | undefined {
  if (text === undefined || text === '') return undefined;
  const names = text.split(',');
  return names.every((name) => (STATES as readonly string[]).includes(name)) ? (names as State[]) : null;
}

function limitOf(text: string | undefined): number | null {
  if (text === undefined) return 50;
  const limit = Number(text);
  return Number.isInteger(limit) && limit >= 1 && limit <= MOST ? limit : null;
}

function notFound(c: Context): Response {
  return fault(c, 404, 'not_found', 'There is no such approval or path.');
}

function fault(c: Context, status: 400 | 401 | 403 | 404 | 500 | 503, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
