import { STATES } from '../../domain/approval/approval.ts';
import { aText, closed, listOf, oneOf, pageOf, ref, type Schema, whole, yesOrNo } from './schema-words.ts';

/** A parameter of the query. */
export interface QueryParameter {
  readonly name: string;
  readonly says: string;
  readonly schema: Schema;
}

/** One route for programs. */
export interface ApiRoute {
  readonly method: 'get' | 'post' | 'delete';
  /** With `{name}` for what varies. */
  readonly path: string;
  readonly says: string;
  /**
   * `admin`: the admin token, a personal token or a console login; `token`: the same, but no console login with the admin
   * token. What a person's role opens is in docs/identity.md.
   */
  readonly auth: 'admin' | 'token' | 'none' | 'local';
  readonly query?: readonly QueryParameter[];
  readonly body?: Schema;
  /** By status. A text stands for an answer that is not JSON: its media type. */
  readonly answers: Readonly<Record<number, Schema | string>>;
  /** Words in `error` by status, besides those that every route with this auth has. */
  readonly errors?: Readonly<Record<number, readonly string[]>>;
}

const limit: QueryParameter = {
  name: 'limit',
  says: 'Most items to return.',
  schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
};
const field = (name: string, says: string): QueryParameter => ({ name, says, schema: aText() });
const after = (says: string): QueryParameter => field('after', says);
const of = (name: string, values: readonly string[], says: string): QueryParameter => ({
  name,
  says,
  schema: oneOf(values),
});

const PERIOD = [
  field('quarter', 'A quarter such as 2026-Q4; this one when nothing is asked for.'),
  field('from', 'The first day, such as 2026-10-01, together with `to`.'),
  field('to', 'The last day; 366 days at most.'),
];
const NOT_UNDERSTOOD = ['bad_request'];
/** Why a plain decision about one call is refused, alone or together with others. */
const NOT_DECIDED = [
  'already_voted',
  'not_an_approver',
  'removed',
  'admin_token',
  'own_call',
  'no_place',
  'stands_in_for_owner',
  'other_call',
  'broken',
  'signature_required',
  'signature_unknown',
  'reason_required',
];
const SIGNING_REFUSALS = [
  ...['not_an_approver', 'removed', 'own_call', 'already_voted', 'admin_token', 'other_call', 'broken'],
  ...['signature_unknown', 'signature_required'],
];

/** What pages of events say where the log was cut. */
const ARCHIVED = {
  archived: {
    ...closed({
      upTo: whole('Place in the chain of the last event that has left the database.'),
      until: aText('When it happened, ISO 8601.'),
      segments: whole('How many segments there are.'),
      kept: yesOrNo('False: the last ones were deleted for good.'),
    }),
    description: 'What of the log is no longer in the database; absent: nothing.',
  },
};

/** Every route for programs, in the order of the documents. */
export const API_ROUTES: readonly ApiRoute[] = [
  {
    method: 'get',
    path: '/api/approvals',
    says: 'Lists approvals, newest first.',
    auth: 'admin',
    query: [
      field('state', `Only those in this state; several with commas between: ${STATES.join(', ')}.`),
      of(
        'owner',
        ['me'],
        'Only calls of the agents that the asking person owns. Not for the admin token, which owns none.',
      ),
      limit,
      after('The `next` of the page before.'),
    ],
    answers: { 200: pageOf(ref('Approval')) },
    errors: { 400: ['bad_state', 'bad_owner', 'bad_limit', ...NOT_UNDERSTOOD] },
  },
  {
    method: 'get',
    path: '/api/approvals/{id}',
    says: 'Returns one approval, with the place of its card in Slack.',
    auth: 'admin',
    answers: { 200: ref('ApprovalWithCard') },
    errors: { 404: ['not_found'] },
  },
  {
    method: 'get',
    path: '/api/approvals/{id}/evidence',
    says: 'Returns what proves one decision, signed, for `holdfast audit verify --evidence`.',
    auth: 'admin',
    answers: { 200: ref('Evidence') },
    errors: { 404: ['not_found', 'archived'], 409: ['no_key'] },
  },
  {
    method: 'post',
    path: '/api/approvals/{id}/erase',
    says: 'Erases what an approval that is over says of its call. It cannot be undone. For operators.',
    auth: 'admin',
    body: ref('EraseBody'),
    answers: { 200: ref('ErasedData') },
    errors: {
      400: ['bad_body', 'bad_reason', ...NOT_UNDERSTOOD],
      403: ['not_an_operator'],
      404: ['not_found'],
      409: ['live', 'owed', 'erased', 'card', 'off'],
      503: ['not_kept'],
    },
  },
  {
    method: 'post',
    path: '/api/erasures',
    says: 'Erases every call with this text in it, at most 100 at once; with dryRun, only lists them. For operators.',
    auth: 'admin',
    body: ref('ErasureBody'),
    answers: { 200: ref('Erasures') },
    errors: {
      400: ['bad_body', 'bad_text', 'bad_reason', ...NOT_UNDERSTOOD],
      403: ['not_an_operator'],
      503: ['not_kept'],
    },
  },
  {
    method: 'post',
    path: '/api/approvals/{id}/decisions',
    says: 'Approves or denies a call. The admin token counts where a group of its approvers lists admin.',
    auth: 'admin',
    body: ref('DecisionBody'),
    answers: { 200: ref('DecidedApproval'), 409: ref('Approval') },
    errors: {
      400: ['bad_decision', 'bad_counter', ...NOT_UNDERSTOOD],
      403: [
        ...NOT_DECIDED,
        'no_allowance',
        'too_wide',
        'own_allowance',
        'hidden_condition',
        'crowded',
        'counter_owner',
        'no_counter',
      ],
      404: ['not_found'],
      503: ['not_kept'],
    },
  },
  {
    method: 'post',
    path: '/api/approvals/{id}/snooze',
    says: 'Puts a pending call aside for the person who asks: it is hidden from them until then. Nothing changes for anybody else.',
    auth: 'admin',
    body: ref('SnoozeBody'),
    answers: { 200: ref('SnoozedApproval') },
    errors: {
      400: ['bad_snooze', ...NOT_UNDERSTOOD],
      403: ['not_an_approver', 'removed', 'broken'],
      404: ['not_found'],
      409: ['already_decided', 'expired', 'expires_before', 'too_many'],
    },
  },
  {
    method: 'delete',
    path: '/api/approvals/{id}/snooze',
    says: 'Takes back what the person who asks had put aside.',
    auth: 'admin',
    answers: { 200: ref('WokenApproval') },
    errors: { 404: ['not_found'] },
  },
  {
    method: 'get',
    path: '/api/snoozes',
    says: 'Lists the pending calls that the person who asks has put aside, the first to come back first.',
    auth: 'admin',
    answers: { 200: pageOf(ref('Snooze')) },
  },
  {
    method: 'post',
    path: '/api/decisions',
    says: 'Decides several calls, all or none.',
    auth: 'admin',
    body: ref('DecisionsBody'),
    answers: {
      200: closed({ items: listOf(ref('Approval')) }),
      403: ref('NoneDecided'),
      404: ref('NoneDecided'),
      409: ref('NoneDecided'),
    },
    errors: {
      400: ['bad_decision', ...NOT_UNDERSTOOD],
      403: NOT_DECIDED,
      404: ['not_found'],
      409: ['changed'],
      503: ['not_kept'],
    },
  },
  {
    method: 'post',
    path: '/api/approvals/{id}/challenge',
    says: 'Gives out what a passkey has to sign to approve this call: once, for this person and session, for five minutes. Decides nothing.',
    auth: 'admin',
    answers: { 200: ref('SigningChallenge'), 409: ref('Approval') },
    errors: { 403: ['not_here', 'cannot_sign', ...SIGNING_REFUSALS], 404: ['not_found'] },
  },
  {
    method: 'post',
    path: '/api/approvals/{id}/signatures',
    says: 'Approves the call with what a passkey signed. Only for a person who is signed in to the console.',
    auth: 'admin',
    body: ref('SignatureBody'),
    answers: { 200: ref('Approval'), 409: ref('Approval') },
    errors: {
      400: ['bad_signature', 'bad_decision', ...NOT_UNDERSTOOD],
      403: ['not_here', 'bad_signature', ...SIGNING_REFUSALS],
      404: ['not_found'],
      503: ['not_kept'],
    },
  },
  {
    method: 'post',
    path: '/api/approvals/{id}/take-back',
    says: 'Takes back an approval that has not been used.',
    auth: 'admin',
    body: ref('TakeBackBody'),
    answers: { 200: ref('Approval'), 409: ref('Approval') },
    errors: {
      400: ['bad_body', ...NOT_UNDERSTOOD],
      403: ['not_an_approver', 'other_call', 'reason_required'],
      404: ['not_found'],
      503: ['not_kept'],
    },
  },
  {
    method: 'get',
    path: '/api/oversight',
    says: 'Returns what approvers and groups decided, how fast, and which tools are always approved or often denied. For auditors.',
    auth: 'admin',
    query: PERIOD,
    answers: { 200: ref('OversightReport') },
    errors: { 400: ['bad_period', ...NOT_UNDERSTOOD] },
  },
  {
    method: 'get',
    path: '/api/oversight/report.csv',
    says: 'The same as CSV. A text that a spreadsheet would take for a formula begins with an apostrophe.',
    auth: 'admin',
    query: PERIOD,
    answers: { 200: 'text/csv' },
    errors: { 400: ['bad_period', ...NOT_UNDERSTOOD] },
  },
  {
    method: 'get',
    path: '/api/oversight/report.html',
    says: 'The same as a page for print, without script.',
    auth: 'admin',
    query: PERIOD,
    answers: { 200: 'text/html' },
    errors: { 400: ['bad_period', ...NOT_UNDERSTOOD] },
  },
  {
    method: 'get',
    path: '/api/freeze',
    says: 'Lists what is frozen.',
    auth: 'admin',
    answers: { 200: pageOf(ref('Freeze')) },
  },
  {
    method: 'post',
    path: '/api/freeze',
    says: 'Freezes everything, one server or one grant. For operators.',
    auth: 'admin',
    body: ref('FreezeBody'),
    answers: { 201: ref('Freeze'), 409: { anyOf: [ref('Freeze'), ref('Refusal')] } },
    errors: {
      400: ['bad_freeze', 'bad_scope', 'bad_reason'],
      403: ['not_an_operator'],
      404: ['unknown_scope'],
      409: ['too_many'],
    },
  },
  {
    method: 'delete',
    path: '/api/freeze/{id}',
    says: 'Thaws: lifts one freeze. For operators.',
    auth: 'admin',
    body: ref('ReasonBody'),
    answers: { 200: ref('Freeze'), 409: ref('LiftedFreeze') },
    errors: { 400: ['bad_thaw', 'bad_reason'], 403: ['not_an_operator'], 404: ['not_found'] },
  },
  {
    method: 'get',
    path: '/api/allowances',
    says: 'Lists what people have allowed in advance, newest first.',
    auth: 'admin',
    query: [
      of('state', ['living', 'ended'], 'Only those that have, or have not, ended.'),
      field('approval', 'Only those that were given with this approval.'),
      limit,
      after('The `next` of the page before.'),
    ],
    answers: { 200: pageOf(ref('Allowance')) },
    errors: { 400: ['bad_state', 'bad_limit', ...NOT_UNDERSTOOD] },
  },
  {
    method: 'delete',
    path: '/api/allowances/{id}',
    says: 'Revokes an allowance. For who may approve the call, who gave it, the owner, operators and the admin token.',
    auth: 'admin',
    answers: { 200: ref('Allowance'), 409: ref('Allowance') },
    errors: { 400: NOT_UNDERSTOOD, 403: ['not_allowed'], 404: ['not_found'] },
  },
  {
    method: 'get',
    path: '/api/denials',
    says: 'Lists what people have denied in advance, newest first.',
    auth: 'admin',
    query: [
      of('state', ['living', 'ended'], 'Only those that have, or have not, ended.'),
      field('approval', 'Only those that were given with this approval.'),
      limit,
      after('The `next` of the page before.'),
    ],
    answers: { 200: pageOf(ref('StandingDenial')) },
    errors: { 400: ['bad_state', 'bad_limit', ...NOT_UNDERSTOOD] },
  },
  {
    method: 'delete',
    path: '/api/denials/{id}',
    says: 'Ends a standing denial: its calls are asked about again. For the same people as an allowance.',
    auth: 'admin',
    answers: { 200: ref('StandingDenial'), 409: ref('StandingDenial') },
    errors: { 400: NOT_UNDERSTOOD, 403: ['not_allowed'], 404: ['not_found'] },
  },
  {
    method: 'get',
    path: '/api/grants',
    says: 'Lists the grants of the config. Never returns a token.',
    auth: 'admin',
    answers: { 200: pageOf(ref('Grant')) },
  },
  {
    method: 'delete',
    path: '/api/grants/{name}',
    says: 'Revokes the tokens of a grant, for good. For operators.',
    auth: 'admin',
    body: ref('ReasonBody'),
    answers: { 200: ref('Grant'), 409: ref('Grant') },
    errors: { 400: ['bad_body', 'bad_reason'], 403: ['not_an_operator'], 404: ['not_found'] },
  },
  {
    method: 'get',
    path: '/api/tokens',
    says: 'Lists your personal tokens; for auditors, operators and the admin token everybody’s. Never returns a token itself.',
    auth: 'admin',
    answers: { 200: pageOf(ref('PersonalToken')) },
  },
  {
    method: 'post',
    path: '/api/tokens',
    says: 'Makes a personal token, which is in the answer once. Only for a person who is signed in to the console.',
    auth: 'admin',
    body: ref('TokenBody'),
    answers: { 201: ref('NewToken') },
    errors: { 400: ['bad_token'], 403: ['not_here'] },
  },
  {
    method: 'delete',
    path: '/api/tokens/{id}',
    says: 'Revokes a personal token, for good. One’s own; anybody’s for operators and the admin token.',
    auth: 'admin',
    answers: { 200: ref('PersonalToken') },
    errors: { 404: ['not_found'] },
  },
  {
    method: 'get',
    path: '/api/keys',
    says: 'Lists your passkeys; for auditors, operators and the admin token everybody’s.',
    auth: 'admin',
    answers: { 200: pageOf(ref('Passkey')) },
  },
  {
    method: 'post',
    path: '/api/keys/challenge',
    says: 'Gives out what a new passkey is made for. Only for a person who is signed in to the console.',
    auth: 'admin',
    answers: { 200: ref('PasskeyChallenge') },
    errors: { 403: ['not_here', 'cannot'] },
  },
  {
    method: 'post',
    path: '/api/keys',
    says: 'Adds a passkey, which signs nothing until a second person has registered it. Only for a person who is signed in to the console.',
    auth: 'admin',
    body: ref('PasskeyBody'),
    answers: { 201: ref('Passkey') },
    errors: { 400: ['bad_key'], 403: ['not_here', 'refused'] },
  },
  {
    method: 'post',
    path: '/api/keys/{id}/register',
    says: 'Registers another person’s passkey. For operators in the console, and for the admin token, which is marked.',
    auth: 'admin',
    answers: { 200: ref('Passkey') },
    errors: { 403: ['not_here', 'refused'], 404: ['not_found'] },
  },
  {
    method: 'delete',
    path: '/api/keys/{id}',
    says: 'Revokes a passkey, for good, and with it approvals that it signed and that have not run. One’s own; anybody’s for operators and the admin token.',
    auth: 'admin',
    answers: { 200: ref('Passkey') },
    errors: { 403: ['refused'], 404: ['not_found'] },
  },
  {
    method: 'post',
    path: '/api/policy/replay',
    says: 'Runs a policy, or the policies in force, over what was called, and says whose verdict would change. Changes nothing.',
    auth: 'admin',
    body: ref('ReplayBody'),
    answers: { 200: ref('Replay'), 400: { anyOf: [ref('BadPolicy'), ref('Refusal')] } },
    errors: { 400: ['bad_policy', 'bad_replay', 'which_server'], 404: ['unknown_server'], 409: ['busy', 'too_slow'] },
  },
  {
    method: 'post',
    path: '/api/policy/suggest',
    says: 'Suggests a policy for a server from what was called, never looser than the one in force. Changes nothing.',
    auth: 'admin',
    body: ref('SuggestBody'),
    answers: { 200: ref('Suggestion') },
    errors: {
      400: ['bad_replay', 'which_server'],
      404: ['unknown_server'],
      409: ['busy', 'no_suggestion', 'too_slow'],
    },
  },
  {
    method: 'get',
    path: '/api/people',
    says: 'Lists the people of the config, their roles and where these come from.',
    auth: 'admin',
    answers: { 200: pageOf(ref('Person')) },
  },
  {
    method: 'get',
    path: '/api/events',
    says: 'With a search field: searches the log, newest first. Without one: lists events in the order of writing.',
    auth: 'admin',
    query: [
      field('type', 'Types of events, with commas between.'),
      of('what', ['tools', 'resources', 'prompts', 'methods'], 'What the event is about.'),
      of('verdict', ['allow', 'ask', 'deny', 'limited', 'would ask', 'would deny'], 'What the policy decided.'),
      field('server', 'Server.'),
      field('tool', 'Tool.'),
      field('grant', 'Grant.'),
      field('approver', 'Slack id of whoever decided, or admin.'),
      field('since', 'At or after this time, such as 2026-11-22T10:00 (UTC).'),
      field('until', 'Before this time.'),
      of('state', STATES, 'State of the approval.'),
      field('text', 'Words that the event contains.'),
      field('before', 'A search: the `next` of the page before.'),
      after('Without a search: the `n` of the last event that you have.'),
      field('approval', 'Without a search: only events of this approval.'),
      limit,
    ],
    answers: { 200: pageOf(ref('Event'), ARCHIVED) },
    errors: { 400: ['bad_query', 'bad_limit', 'bad_after', ...NOT_UNDERSTOOD] },
  },
  {
    method: 'get',
    path: '/api/events/tail',
    says: 'Returns sealed events after a position in the chain, and waits for the first of them.',
    auth: 'token',
    query: [
      after('A position in the chain: the `seq` of the last event that you have. Absent: the end.'),
      { name: 'wait', says: 'Seconds to wait, at most 30.', schema: { type: 'number', minimum: 0, maximum: 30 } },
    ],
    answers: { 200: pageOf(ref('SealedEvent'), ARCHIVED) },
    errors: { 400: ['bad_after'] },
  },
  {
    method: 'get',
    path: '/api/events/export',
    says: 'Streams the whole log as JSON Lines, for holdfast audit verify.',
    auth: 'token',
    query: [
      of('cards', ['1'], 'Adds what each card showed.'),
      of('erasable', ['1'], 'Adds, readable, what can be erased.'),
    ],
    answers: { 200: 'application/x-ndjson' },
  },
  {
    method: 'get',
    path: '/api/checkpoints',
    says: 'Returns signed checkpoints and the public keys.',
    auth: 'token',
    query: [after('The `next` of the page before.')],
    answers: { 200: ref('Checkpoints') },
  },
  {
    method: 'get',
    path: '/api/store/accept',
    says: 'Shows what accepting the database would do. Changes nothing.',
    auth: 'admin',
    answers: { 200: ref('Acceptance') },
  },
  {
    method: 'post',
    path: '/api/store/accept',
    says: 'Continues with the database as it is, after it went back in time or was changed.',
    auth: 'admin',
    body: ref('AcceptBody'),
    answers: { 200: ref('Acceptance') },
    errors: { 400: ['bad_reason'] },
  },
  {
    method: 'get',
    path: '/healthz',
    says: 'Answers while the process is alive.',
    auth: 'none',
    answers: { 200: ref('Healthy') },
  },
  {
    method: 'get',
    path: '/readyz',
    says: 'Says whether calls can be served, and names every part that does not work.',
    auth: 'none',
    query: [of('gated', ['1'], 'Answers 503 as well while calls that need an approval cannot run.')],
    answers: { 200: ref('Ready'), 503: ref('Ready') },
  },
  {
    method: 'get',
    path: '/metrics',
    says: 'Returns metrics for Prometheus.',
    auth: 'local',
    answers: { 200: 'text/plain' },
    errors: { 403: ['forbidden'], 429: ['forbidden'] },
  },
  {
    method: 'get',
    path: '/schema/policy.json',
    says: 'Returns the JSON Schema of policy files, for editors.',
    auth: 'none',
    answers: { 200: { type: 'object' } },
  },
  {
    method: 'get',
    path: '/openapi.json',
    says: 'Returns this description.',
    auth: 'none',
    answers: { 200: { type: 'object' } },
  },
];
