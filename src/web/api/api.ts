import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type Approver, STATES, type State } from '../../domain/approval/approval.ts';
import type { RefusalReason } from '../../domain/approval/decide.ts';
import { isOwner } from '../../domain/approval/quorum.ts';
import type { TakeBackRefusal } from '../../domain/approval/take-back.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { type Countered, counterApproval } from '../../gateway/counter/propose.ts';
import { acceptStoreAsItIs } from '../../gateway/decision/accept-store.ts';
import { actorOf } from '../../gateway/decision/actor.ts';
import { decideApproval } from '../../gateway/decision/decide.ts';
import { withSlackGroups } from '../../gateway/decision/slack-groups.ts';
import { takeBack } from '../../gateway/decision/take-back.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { disclosed } from '../../gateway/log/disclosed.ts';
import type { EvidenceRecords } from '../../gateway/log/take-evidence.ts';
import type { Replays } from '../../gateway/replay/replays.ts';
import { Swallowed, Unavailable, Unstorable } from '../../ports.ts';
import { type ApiCaller, Callers, noteRoleRefusal } from '../http/callers.ts';
import { cookieRequestFault, type LoginSessions } from '../http/login-sessions.ts';
import { ownCalls } from '../http/own-calls.ts';
import type { PeopleDoors } from '../http/people-doors.ts';
import type { AddressOf } from '../http/remote-address.ts';
import { acceptedJson, readReason } from './accept-json.ts';
import { advanceRoutes } from './advance-api.ts';
import { advanceIn, gaveJson } from './advance-body.ts';
import { approvalJson, approvalWithCardJson, eventJson } from './approval-json.ts';
import { type ApiEnv, bodyObject } from './body.ts';
import { counterIn } from './counter-body.ts';
import { togetherRoute } from './decisions-api.ts';
import { erasureRoutes } from './erasure-api.ts';
import { evidenceRoutes } from './evidence-api.ts';
import { freezeRoutes } from './freeze-api.ts';
import { type GrantsApi, grantRoutes } from './grants-api.ts';
import { keyRoutes } from './keys-api.ts';
import { type DrawReport, oversightRoutes } from './oversight-api.ts';
import { archivedOf, pageJson } from './page-json.ts';
import { replayRoutes } from './replay-api.ts';
import { signingRoutes } from './signing-api.ts';
import { snoozeRoutes } from './snooze-api.ts';
import { tokenRoutes } from './tokens-api.ts';

export interface ApiDeps {
  readonly gateway: Gateway;
  /** null: the API is closed. */
  readonly adminToken: string | null;
  readonly addressOf: AddressOf;
  /** Absent: console logins are not accepted, only the token. */
  readonly loginSessions?: LoginSessions;
  readonly grants: GrantsApi;
  readonly records: EvidenceRecords;
  /** Absent: the report of oversight is no page here. */
  readonly drawOversight?: DrawReport;
  readonly replays: Replays;
  /** Absent: there are no people here. */
  readonly people?: PeopleDoors | undefined;
}

const UNSTORABLE = 'A value in this request contains characters that cannot be stored. Send plain text.';
const BAD_OWNER =
  'owner is me, for a person who is signed in or sends a personal token: the calls of their own agents. The admin token owns none.';
/** Bytes of any body here; each route reads fewer characters. More is not waited for. */
const MAX_BODY = 2 * 1024 * 1024;
/** Items per page. */
const MAX_LIMIT = 500;
/** Characters; the rest of a longer reason is dropped. */
const MAX_REASON_LENGTH = 2_000;

/**
 * The reviewers' door for programs, for the admin token or a console login. The token reads everything; it decides only
 * where an approvers' group lists `admin`, as one vote of that name. A GET decides nothing.
 */
export function api(deps: ApiDeps): Hono {
  const { gateway, addressOf, loginSessions, grants, people } = deps;
  const app = new Hono<ApiEnv>();
  const callers = new Callers(deps);
  const { store } = gateway;

  app.use('/api/*', async (c, next) => {
    if (!callers.isOpen) return fault(c, 403, 'closed', 'Set HOLDFAST_ADMIN_TOKEN to open the API.');
    const guessed = (): number | null => gateway.reviewerGuesses.wrong(addressOf(c), 'admin');
    const caller = await identifyCaller(c, callers, guessed, loginSessions);
    if (caller instanceof Response) {
      const refusal = { door: 'api', status: caller.status, server: null, grant: null } as const;
      gateway.accessLog.refused({ ...refusal, address: addressOf(c) });
      return caller;
    }
    const objection = callers.objection(c, caller);
    if (objection !== null) return fault(c, 403, 'role', objection);
    c.set('approver', caller.approver);
    c.set('caller', caller);
    return next();
  });

  // After the door: nobody unknown has a body read.
  const tooLong = (c: Context) => fault(c, 400, 'bad_request', `The body is longer than ${MAX_BODY} bytes.`);
  app.use('/api/*', bodyLimit({ maxSize: MAX_BODY, onError: tooLong }));

  app.get('/api/approvals', async (c) => {
    const states = statesOf(c.req.query('state'));
    if (states === null)
      return fault(
        c,
        400,
        'bad_state',
        `state is one of ${STATES.join(', ')}, or several of them separated by commas.`,
      );
    const limit = limitOf(c.req.query('limit'));
    if (limit === null) return fault(c, 400, 'bad_limit', `limit is a whole number from 1 to ${MAX_LIMIT}.`);
    const after = c.req.query('after');
    const owner = c.req.query('owner');
    const owned = owner === 'me' ? ownCalls(c.get('approver').id, gateway.rules.persons(), grants.grants()) : undefined;
    if (owned === null || (owner !== undefined && owner !== 'me')) return fault(c, 400, 'bad_owner', BAD_OWNER);
    const which = { ...(states ? { states } : {}), ...(owned ? { owned } : {}), ...(after ? { after } : {}) };
    const page = await store.list({ limit, ...which });
    return pageJson(c, page.items, approvalJson, page.next);
  });

  app.get('/api/approvals/:id', async (c) => {
    const found = await store.look(c.req.param('id'));
    return found ? c.json(approvalWithCardJson(found.approval, found.card)) : notFound(c);
  });

  app.post('/api/approvals/:id/decisions', (c) => takeDecision(c, gateway));

  togetherRoute(app, gateway, { refusals: REFUSALS, wordIn });

  app.post('/api/approvals/:id/take-back', (c) => takeYesBack(c, gateway));

  snoozeRoutes(app, gateway, { refusals: REFUSALS });

  evidenceRoutes(app, gateway, deps.records);

  erasureRoutes(app, gateway);

  oversightRoutes(app, gateway, deps.drawOversight);

  freezeRoutes(app, gateway);

  advanceRoutes(app, gateway);

  replayRoutes(app, gateway, deps.replays);

  grantRoutes(app, gateway, grants);

  if (people !== undefined) {
    tokenRoutes(app, gateway, people);
    keyRoutes(app, people);
    signingRoutes(app, people, { refusals: REFUSALS, wordIn });
  }

  app.get('/api/events', async (c) => {
    const limit = limitOf(c.req.query('limit'));
    const after = Number(c.req.query('after') ?? 0);
    if (limit === null) return fault(c, 400, 'bad_limit', `limit is a whole number from 1 to ${MAX_LIMIT}.`);
    if (!Number.isSafeInteger(after) || after < 0)
      return fault(c, 400, 'bad_after', 'after is the n of the last event you have.');
    const approval = c.req.query('approval');
    const filter = approval ? { approval } : {};
    const items = await disclosed(gateway, await store.events({ ...filter, after, limit }));
    const last = items.at(-1)?.n ?? null;
    const more =
      last !== null &&
      (items.length === limit || (await store.events({ ...filter, after: last, limit: 1 })).length > 0);
    return pageJson(c, items, eventJson, more ? String(last) : null, await archivedOf(gateway.ledger));
  });

  app.post('/api/store/accept', async (c) => {
    const reason = await readReason(c);
    if (!reason.ok) return fault(c, 400, 'bad_reason', reason.why);
    const { text, dryRun } = reason;
    const actor = actorOf(c.get('approver'));
    return c.json(acceptedJson(await acceptStoreAsItIs(gateway, { actor, reason: text, dryRun }), dryRun));
  });
  app.get('/api/store/accept', async (c) => {
    const asked = { actor: actorOf(c.get('approver')), reason: 'nothing is changed', dryRun: true };
    return c.json(acceptedJson(await acceptStoreAsItIs(gateway, asked), true));
  });

  app.all('/api/*', notFound);
  app.onError((error, c) => {
    if (error instanceof Unstorable) return fault(c, 400, 'bad_request', UNSTORABLE);
    if (error instanceof Swallowed) return fault(c, 503, 'not_kept', sentence(error.message));
    if (error instanceof Unavailable && error.part === 'witness') return fault(c, 503, 'unavailable', error.message);
    if (error instanceof Unavailable)
      return fault(c, 503, 'unavailable', `The ${error.part} does not answer. Try again in a minute.`);
    gateway.log.error({ err: error }, 'an API request failed');
    return fault(c, 500, 'failed', 'The gateway failed on this request. Its log says why.');
  });
  return app as unknown as Hono;
}

function sentence(words: string): string {
  return `${words[0]?.toUpperCase()}${words.slice(1)}.`;
}

/**
 * The holder of the admin token, or the reviewer behind the cookie. For changes by cookie see `cookieRequestFault`.
 * `guessed` counts a wrong token, and gives the seconds to wait when there were too many.
 */
async function identifyCaller(
  c: Context,
  callers: Callers,
  guessed: () => number | null,
  loginSessions: LoginSessions | undefined,
): Promise<ApiCaller | Response> {
  const authorization = c.req.header('authorization');
  const byToken = await callers.byToken(c);
  if (byToken !== null) return byToken;
  const caller = await callers.byLogin(c);
  if (caller === null || loginSessions === undefined) {
    const seconds = authorization === undefined ? null : guessed();
    if (seconds !== null) return tooManyGuesses(c, seconds);
    const why =
      authorization === undefined
        ? 'Send the admin token: Authorization: Bearer ….'
        : 'The token in Authorization is not the admin token (HOLDFAST_ADMIN_TOKEN of the gateway).';
    return fault(c, 401, 'unauthorized', why);
  }
  const refusal = c.req.method === 'GET' ? null : cookieRequestFault(c, loginSessions);
  if (refusal !== null) {
    loginSessions.noteRefusal(c, caller.approver, refusal);
    return fault(c, 403, 'forbidden', refusal);
  }
  return caller;
}

async function takeDecision(c: Context<ApiEnv>, gateway: Gateway): Promise<Response> {
  const read = await readDecision(c, gateway.rules);
  if (typeof read === 'string') return fault(c, 400, 'bad_decision', read);
  const { decision, counter } = read;
  const id = c.req.param('id') ?? '';
  const objection = await beyondOwner(c, gateway, id, decision, counter !== null);
  if (objection !== null) {
    noteRoleRefusal(gateway, c, c.get('approver'), objection);
    return fault(c, 403, 'role', objection);
  }
  const approver = await approverOf(c, gateway, id, decision.choice);
  const { pickupMs } = gateway.rules.approval;
  const decided: Countered =
    counter === null
      ? await decideApproval(gateway, id, decision, approver, { pickupMs })
      : await counterApproval(gateway, id, { ...decision, counter }, approver, { pickupMs });
  switch (decided.kind) {
    case 'recorded': {
      const opened = decided.decision.counter === undefined ? null : await gateway.store.find(decided.decision.counter);
      const gave = gaveJson(decided, gateway.clock.now());
      return c.json({ ...approvalJson(decided.approval), ...gave, counter: opened && approvalJson(opened) });
    }
    case 'not_found':
      return notFound(c);
    case 'refused': {
      const over = decided.reason === 'already_decided' || decided.reason === 'expired';
      if (over) return c.json(approvalJson(decided.approval), 409);
      const { reason, why = REFUSALS[reason], faults } = decided;
      if (reason !== 'bad_counter') return fault(c, 403, reason, why);
      return c.json({ error: reason, reason: why, faults: faults ?? [] }, 400);
    }
    default:
      return decided satisfies never;
  }
}

/**
 * Why somebody without the role approver may not say this; null: they may. What is theirs, in the console, is to deny a call
 * of their own agent, and nothing else.
 */
async function beyondOwner(
  c: Context<ApiEnv>,
  { rules, store }: Gateway,
  id: string,
  decision: { readonly choice: 'approve' | 'deny'; readonly standing?: unknown },
  isCounter: boolean,
): Promise<string | null> {
  const { roles, approver, by } = c.get('caller');
  if (roles === null || roles.has('approver')) return null;
  const isPlain = decision.choice === 'deny' && decision.standing === undefined && !isCounter;
  const approval = isPlain && by === 'login' ? await store.find(id) : null;
  if (approval !== null && isOwner(approval, approver, rules.approvers(approval))) return null;
  return `This needs the role approver. Yours: ${[...roles].join(', ') || 'none'}. Without it you may only deny calls of your own agents, in the console.`;
}

const REFUSALS: Record<RefusalReason, string> = {
  already_decided: 'Somebody decided first.',
  expired: 'This approval has expired.',
  already_voted: 'You have already voted, here or elsewhere; each person has one vote.',
  not_an_approver: 'The admin token cannot decide this call. Add admin to one of its approver groups.',
  removed: 'You could decide this when it was requested, but the config has changed since, and now you cannot.',
  admin_token:
    'The config lists people, but none of them has admin_token: true, so an approval by the admin token does not count. Decide in Slack, or set admin_token: true for the person who holds it.',
  own_call: 'The owner of the calling grant may not approve its calls. The owner may deny them.',
  no_place: 'This call needs approvals of certain groups, and you are in none of them. You may deny it.',
  stands_in_for_owner:
    'You stand in for the owner of the calling grant, who may not approve its calls. You may deny them.',
  other_call: 'The fingerprint you sent belongs to another call.',
  broken:
    'Its record was changed outside Holdfast (see /readyz), is from before its call was sent, or was sealed by a secret ' +
    'that is no longer listed, so nobody can decide it and nothing of it runs.',
  signature_required:
    'This call has to be signed: a person approves it in the console with a passkey, and nothing else counts. Deny works here.',
  bad_signature: 'The signature does not count. Open the call in the console and sign again.',
  signature_unknown:
    'Signatures cannot be checked now, because the registered passkeys are not what a gateway left (see /readyz). Nothing was approved.',
  reason_required: 'This policy requires a reason for a denial.',
  no_allowance:
    'Nothing can be allowed in advance with this call: its policy has no approval.allowance, the call lies out of its bounds, or the policy or the tool has changed since. Approve without allowance.',
  too_wide: 'That is wider than the policy offers (mayAllow of the approval). An allowance can only be narrowed.',
  own_allowance:
    'The owner of the calling grant, and who stands in for the owner, can approve this call only, not the like.',
  hidden_condition:
    'A condition in allowance.within may test what is hidden on cards and pages. Test an argument that everybody is shown, by its own path.',
  counter_owner:
    'The owner of the calling grant may deny its calls, and not propose another one: somebody else has to choose what this agent does. Nothing was decided.',
  no_counter:
    'Nothing can be proposed in place of this call: it answers what its server asked, or is the last of five counter-proposals in a row. Deny it plainly; the reason is told to the agent. Nothing was decided.',
  bad_counter: 'What is proposed cannot be opened. Nothing was decided.',
  crowded: 'As many allowances or standing denials are in force as may be. Revoke one, or decide this call alone.',
};

/** Who asks, with the user groups of this approval that they are in. */
async function approverOf(
  c: Context<ApiEnv>,
  gateway: Gateway,
  id: string,
  word: Parameters<typeof withSlackGroups>[3],
): Promise<Approver> {
  const approver = c.get('approver');
  // The admin token is in no group, and needs no look at the approval.
  const approval = approver.id === 'admin' ? null : await gateway.store.find(id);
  return approval === null ? approver : withSlackGroups(gateway, approval, approver, word);
}

/** The decision in the body, or what is wrong with the body. */
async function readDecision(c: Context, rules: Gateway['rules']) {
  const body = await bodyObject(c);
  if (typeof body === 'string') return body;
  const choice = member(body, 'decision');
  if (choice !== 'approve' && choice !== 'deny') return 'decision is "approve" or "deny".';
  const word = wordIn(body);
  if (typeof word === 'string') return word;
  const text = await c.req.text();
  const advance = advanceIn(body, choice, text, rules);
  if (typeof advance === 'string') return advance;
  const counter = counterIn(body, choice, text);
  return typeof counter === 'string' ? counter : ({ decision: { choice, ...word, ...advance }, counter } as const);
}

/** Why, and which call is meant, or what is wrong with either. */
function wordIn(body: JsonObject): { reason: string | null; fingerprint: string | null } | string {
  const reason = member(body, 'reason') ?? null;
  const fingerprint = member(body, 'fingerprint') ?? null;
  if (reason !== null && typeof reason !== 'string') return 'reason must be a string.';
  if (fingerprint !== null && typeof fingerprint !== 'string') return 'fingerprint must be a string.';
  const kept = reason === null ? null : reason.slice(0, MAX_REASON_LENGTH).replaceAll('\0', '').toWellFormed();
  return { reason: kept, fingerprint };
}

/** A yes that nobody has used is taken back; 409 with the approval as it is when there is none. */
async function takeYesBack(c: Context<ApiEnv>, gateway: Gateway): Promise<Response> {
  const body = await bodyObject(c);
  const word = typeof body === 'string' ? body : wordIn(body);
  if (typeof word === 'string') return fault(c, 400, 'bad_body', word);
  const id = c.req.param('id') ?? '';
  const took = await takeBack(gateway, id, word, await approverOf(c, gateway, id, 'take_back'));
  switch (took.kind) {
    case 'taken_back':
      return c.json(approvalJson(took.approval));
    case 'not_found':
      return notFound(c);
    case 'refused':
      if (took.reason === 'not_approved') return c.json(approvalJson(took.approval), 409);
      return fault(c, 403, took.reason, TAKE_BACK_REFUSALS[took.reason]);
    default:
      return took satisfies never;
  }
}

const TAKE_BACK_REFUSALS: Record<TakeBackRefusal, string> = {
  not_approved: 'There is no unused approval to take back.',
  not_an_approver: 'The admin token cannot take back this approval. Add admin to one of its approver groups.',
  other_call: 'The fingerprint you sent belongs to another call.',
  reason_required: 'This policy requires a reason.',
};

/** The states asked for. undefined: no filter; null: not a list of states. */
function statesOf(text: string | undefined): State[] | null | undefined {
  if (text === undefined || text === '') return undefined;
  const names = text.split(',');
  return names.every((name) => (STATES as readonly string[]).includes(name)) ? (names as State[]) : null;
}

/** Items asked for, 50 by default. null: not a limit. */
function limitOf(text: string | undefined): number | null {
  if (text === undefined) return 50;
  const limit = Number(text);
  return Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT ? limit : null;
}

function tooManyGuesses(c: Context, seconds: number): Response {
  c.header('retry-after', String(seconds));
  return fault(
    c,
    429,
    'too_many_guesses',
    `Too many wrong tokens. Wait ${seconds} seconds. The right token is always accepted, except a personal one that was not used here before.`,
  );
}

function notFound(c: Context): Response {
  return fault(c, 404, 'not_found', 'There is no such approval or path.');
}

function fault(c: Context, status: 400 | 401 | 403 | 404 | 429 | 500 | 503, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
