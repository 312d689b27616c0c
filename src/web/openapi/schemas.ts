import { STATES } from '../../domain/approval/approval.ts';
import { LONGEST_FREEZE_REASON } from '../../domain/freeze/freeze.ts';
import { EVENTS } from '../../domain/log/event.ts';
import {
  anyObject,
  closed,
  instant,
  listOf,
  mapOf,
  oneOf,
  orNull,
  ref,
  type Schema,
  text,
  whole,
  yesOrNo,
} from './schema-words.ts';

const circle = {
  approvers: listOf(text(), 'Groups of the config.'),
  people: listOf(text(), 'Slack ids, and logins of people without one.'),
  userGroups: listOf(text(), 'Slack user groups.'),
  admin: yesOrNo('Whether the admin token may decide.'),
};

const Requirement = closed({
  ...circle,
  quorum: whole('How many different people have to approve.'),
  denyReason: oneOf(['required', 'optional'], 'Whether a denial needs a reason.'),
  answers: oneOf(['ask', 'allow', null], 'Whether answers to what the server asks need an approval of their own.'),
  escalate: {
    anyOf: [closed({ at: instant(), ...circle }), { type: 'null' }],
    description: 'Who else may approve, and from when on.',
  },
  names: mapOf(text(), 'Names under `people` in the config, by id.'),
});

const Decision = closed({
  approver: text('A Slack id, a login, or admin.'),
  person: orNull(text('The name under `people` in the config.')),
  decision: oneOf(['approve', 'deny']),
  reason: orNull(text()),
  via: oneOf(['slack', 'api', 'console']),
  at: instant(),
});

const approvalMembers: Readonly<Record<string, Schema>> = {
  id: text(),
  state: oneOf(STATES),
  revision: whole('Counts the changes.'),
  server: text(),
  tool: text(),
  grant: text(),
  owner: orNull(text('The owner of the grant; null: none.')),
  selfApproval: yesOrNo('Whether the owner may approve.'),
  arguments: anyObject('The arguments. Hidden values are replaced by [redacted].'),
  sent: closed({ params: anyObject(), meta: anyObject(), headers: anyObject() }),
  hidden: closed({ byPolicy: whole(), byName: whole(), byValue: whole() }, ['byValue']),
  answersTo: orNull(text('The approval whose server asked what this answers.')),
  asked: orNull(text('What the server asked, as JSON text.')),
  answers: listOf(closed({ at: text(), leg: orNull(text()), digest: text(), text: text() })),
  fingerprint: text('Identifies the exact call. Send it with a decision.'),
  requirement: Requirement,
  decisions: listOf(Decision),
  rule: text('The rule of the policy that matched, or default.'),
  risk: oneOf(['read', 'write', 'execute', 'financial', 'destructive', null]),
  severity: oneOf(['low', 'medium', 'high', 'critical', null]),
  reason: orNull(text('The policy’s reason.')),
  trace: listOf(closed({ path: text(), says: text(), decided: yesOrNo() }), 'How the policy came to its verdict.'),
  statedReason: orNull(text('What the agent gave as its reason. Unverified.')),
  laterReasons: listOf(text()),
  previousUnknown: orNull(text('An earlier approval of the same call whose outcome is unknown.')),
  note: orNull(text('Why it ended.')),
  callers: whole('Callers that wait, or still have to fetch the outcome.'),
  gaveUp: whole('How many of them stopped waiting.'),
  createdAt: instant(),
  expiresAt: instant(),
  pickupUntil: orNull(instant('An approved call lapses at this time; null: not approved.')),
  broken: oneOf(
    ['unsealed', 'secret', 'arguments', 'requirement', 'state', 'reasons', 'decisions', 'older', null],
    'What of the record was changed outside Holdfast; null: nothing.',
  ),
  updatedAt: instant(),
};

const Scope: Schema = {
  oneOf: [{ const: 'all' }, closed({ server: text() }), closed({ grant: text() })],
};

const freezeMembers = { id: text(), scope: ref('Scope'), reason: text(), by: text(), since: instant() };

const eventMembers: Readonly<Record<string, Schema>> = {
  n: whole('Increases in the order of writing.'),
  seq: orNull(whole('Position in the chain; null: not sealed yet.')),
  hash: orNull(text('Hex SHA-256; null: not sealed yet.')),
  type: oneOf(EVENTS),
  at: instant(),
  actor: text('Who did it: grant:NAME, slack:ID, admin, holdfast.'),
  approval: orNull(text()),
  server: orNull(text()),
  tool: orNull(text()),
  grant: orNull(text()),
  replica: text('The process that wrote it.'),
  data: anyObject('Everything else. Never a secret or a tool’s result.'),
  state: oneOf([...STATES, null], 'In a search: the state of the approval now.'),
  doubt: oneOf(['body', 'columns', 'secret'], 'Present when the event is not as a gateway wrote it.'),
};

const Loss = closed({ table: text(), row: orNull(text()), about: text() });

const parts = closed(
  {
    store: text(),
    queue: text(),
    audit: text(),
    witness: text(),
    clock: text(),
    slack: text(),
    approvers: text(),
    gateway: text(),
  },
  ['store', 'queue', 'audit', 'witness', 'clock', 'slack', 'approvers', 'gateway'],
);

/** The schemas of the API's answers and bodies, by name. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Approval: closed(approvalMembers),
  ApprovalWithCard: closed({
    ...approvalMembers,
    card: {
      anyOf: [closed({ channel: orNull(text()), ts: orNull(text()) }), { type: 'null' }],
      description: 'The message in Slack; null: there is none.',
    },
  }),
  DecisionBody: closed(
    {
      decision: oneOf(['approve', 'deny']),
      reason: orNull(text('At most 2,000 characters are kept.')),
      fingerprint: orNull(text('Refused unless it is that of the call.')),
    },
    ['reason', 'fingerprint'],
  ),
  TakeBackBody: closed({ reason: orNull(text()), fingerprint: orNull(text()) }, ['reason', 'fingerprint']),
  Scope,
  Freeze: closed(freezeMembers),
  LiftedFreeze: closed({ ...freezeMembers, liftedAt: instant(), liftedBy: text() }),
  FreezeBody: closed({ scope: ref('Scope'), reason: ref('Reason') }),
  ReasonBody: closed({ reason: ref('Reason') }),
  Reason: { type: 'string', minLength: 1, maxLength: LONGEST_FREEZE_REASON },
  Grant: closed({
    name: text(),
    owner: orNull(text()),
    servers: listOf(text()),
    expires: orNull(instant()),
    selfApproval: yesOrNo(),
    tokens: oneOf([1, 2], 'How many tokens are accepted: 2 during a rotation.'),
    lastUse: orNull(instant()),
    revoked: { anyOf: [closed({ by: text(), at: instant(), reason: orNull(text()) }), { type: 'null' }] },
  }),
  Event: closed(eventMembers, ['replica', 'state', 'doubt']),
  SealedEvent: anyObject('An event with n, seq and hash.'),
  Checkpoints: closed({
    log: orNull(text('The id of the log.')),
    keys: listOf(text(), 'Public keys.'),
    items: listOf(closed({ seq: whole(), checkpoint: anyObject(), signature: text() })),
    next: orNull(text()),
  }),
  AcceptBody: closed({ reason: { type: 'string', minLength: 1, maxLength: 2_000 }, dryRun: yesOrNo() }, ['dryRun']),
  Acceptance: closed({
    accepted: orNull(whole('The number of this acceptance; null: nothing was changed.')),
    dryRun: yesOrNo(),
    at: instant(),
    by: text(),
    reason: text(),
    found: listOf(closed({ kind: text(), about: text(), why: text() }), 'The alarms.'),
    unknown: listOf(text(), 'Approvals that are unknown now.'),
    restored: listOf(text(), 'Approvals that were made anew, as unknown.'),
    ended: listOf(text(), 'Approvals that ended.'),
    putBack: listOf(Loss, 'Rows that were put back.'),
    lost: listOf(Loss, 'Rows that are gone.'),
  }),
  Ready: closed(
    {
      ready: yesOrNo('Whether every part that a call needs answers.'),
      gated: yesOrNo('Whether calls that need an approval can run.'),
      parts,
      alarms: listOf(closed({ kind: text(), about: text(), why: text(), since: text(), remedy: text() })),
      furtherAlarms: whole(),
      frozen: listOf(text()),
    },
    ['gated', 'alarms', 'furtherAlarms', 'frozen'],
  ),
  Healthy: closed({ ok: { const: true } }),
  Refusal: closed({ error: text('A word for programs.'), reason: text('A sentence for people.') }),
};
