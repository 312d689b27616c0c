import { ALLOWANCE_ENDS, MOST_DENIED_MINUTES } from '../../domain/allowance/allowance.ts';
import { STATES } from '../../domain/approval/approval.ts';
import { CUES } from '../../domain/approval/cue.ts';
import { LONGEST_ERASE_REASON, LONGEST_MATCH, SHORTEST_MATCH } from '../../domain/approval/erase.ts';
import { MOST_SNOOZE_MINUTES } from '../../domain/approval/snooze.ts';
import { MOST_TOGETHER } from '../../domain/approval/together.ts';
import { LONGEST_FREEZE_REASON } from '../../domain/freeze/freeze.ts';
import { EVENTS } from '../../domain/log/event.ts';
import { ROLES } from '../../domain/people/role.ts';
import { MOST_ALLOWED_CALLS, MOST_ALLOWED_MINUTES } from '../../domain/policy/allowance-rule.ts';
import { SCOPES } from '../../domain/policy/limit.ts';
import { SAID } from '../../domain/replay/known-call.ts';
import { UNKNOWNS } from '../../domain/replay/unknown-places.ts';
import {
  anyObject,
  aText,
  closed,
  instant,
  listOf,
  mapOf,
  oneOf,
  orNull,
  ref,
  type Schema,
  whole,
  yesOrNo,
} from './schema-words.ts';

const PREVIEW_SAID: Schema = closed({
  kind: { const: 'said' },
  tool: aText(),
  text: aText('At most 4,000 characters; secrets are replaced.'),
  omitted: whole('Characters that were left out.'),
  failed: yesOrNo('The server calls its answer an error.'),
  at: instant(),
});
const PREVIEW_NONE: Schema = closed({
  kind: { const: 'none' },
  tool: aText(),
  why: aText('Why there is nothing to show.'),
});

const circle = {
  approvers: listOf(aText(), 'Groups of the config.'),
  people: listOf(aText(), 'Slack ids, and logins of people without one.'),
  userGroups: listOf(aText(), 'Slack user groups.'),
  admin: yesOrNo('Whether the admin token may decide.'),
};

const personalToken = {
  id: aText(),
  owner: aText('The approver’s id of the person.'),
  name: aText(),
  role: oneOf(ROLES),
  createdAt: instant(),
  expiresAt: instant(),
  revoked: orNull(closed({ at: instant(), by: orNull(aText()) })),
  good: yesOrNo('Whether it opens anything now: it is not over, and its owner has signed in within the last days.'),
};

const Requirement = closed({
  ...circle,
  quorum: whole('How many different people have to approve.'),
  denyReason: oneOf(['required', 'optional'], 'Whether a denial needs a reason.'),
  answers: oneOf(['ask', 'allow', null], 'Whether answers to what the server asks need an approval of their own.'),
  escalate: {
    anyOf: [closed({ at: instant(), ...circle }), { type: 'null' }],
    description: 'Who else may approve, and from when.',
  },
  names: mapOf(aText(), 'Names under `people` in the config, by id.'),
  places: listOf(
    closed({
      group: aText('A group of the config.'),
      people: whole('How many of its people have to approve.'),
      members: closed({ people: circle.people, userGroups: circle.userGroups, admin: circle.admin }),
    }),
    'Where each group has a number of its own, `quorum` in all; empty: any of the approvers count. One person fills one place.',
  ),
  missing: listOf(
    closed({ group: orNull(aText('null: any of the approvers.')), people: whole() }),
    'How many people of which group have not approved yet.',
  ),
  missingOrOf: listOf(
    aText(),
    'Groups of which one more person would do as well, because somebody counts for them who could count elsewhere.',
  ),
  standIns: listOf(
    closed({
      group: aText(),
      for: aText('Who is away.'),
      by: aText('Who decides in their place.'),
      until: instant(),
    }),
    'Who decides in whose place.',
  ),
  stepUp: {
    ...orNull(closed({ origin: orNull(aText('Where it is signed; null: nowhere, so nobody can approve it.')) })),
    description: 'Approvals have to be signed with a passkey; null: they need not.',
  },
  quiet: {
    ...orNull(
      closed({
        from: aText('HH:MM on the clocks of the zone.'),
        to: aText(),
        zone: aText(),
        group: aText('The group that is asked.'),
        channel: orNull(aText('The Slack channel that the card goes to; null: the usual one.')),
        insteadOf: listOf(aText(), 'The groups that are asked at other hours.'),
      }),
    ),
    description: 'The quiet hours in which it was asked; null: it was asked at another hour.',
  },
});

const Decision = closed({
  approver: aText('A Slack id, a login, or admin.'),
  person: orNull(aText('The name under `people` in the config.')),
  decision: oneOf(['approve', 'deny']),
  reason: orNull(aText()),
  via: oneOf(['slack', 'api', 'console']),
  rights: listOf(
    closed({
      group: orNull(aText('The group whose place it may fill; null: any.')),
      userGroup: orNull(aText('The Slack user group that makes the person a member; null: the config names them.')),
      for: orNull(aText('In whose place; null: their own.')),
      until: orNull(instant()),
    }),
    'By what it counts, where groups have places or its person stands in for another; else empty.',
  ),
  allows: {
    anyOf: [closed({ minutes: whole(), calls: whole(), within: listOf(aText()) }), { type: 'null' }],
    description: 'What the vote allows in advance; null: nothing.',
  },
  allowance: orNull(aText('The allowance by which the vote counts here; null: it was given to this call.')),
  at: instant(),
  key: orNull(aText('The id of the passkey that signed it; null: it is not signed.')),
  counter: orNull(aText('The approval that the denial opened; null: none.')),
});

const approvalMembers: Readonly<Record<string, Schema>> = {
  id: aText(),
  state: oneOf(STATES),
  revision: whole('Counts the changes.'),
  server: aText(),
  tool: aText(),
  grant: aText(),
  principal: aText('Who asks: the grant, or grant/mark for one account that came with an access token.'),
  owner: orNull(
    aText('Whose call it is: the owner of the grant, or the person behind the access token; null: nobody.'),
  ),
  selfApproval: yesOrNo('Whether the owner may approve.'),
  arguments: anyObject('The arguments. Hidden values are replaced by [redacted].'),
  sent: closed({ params: anyObject(), meta: anyObject(), headers: anyObject() }),
  hidden: closed({ byPolicy: whole(), byName: whole(), byValue: whole() }, ['byValue']),
  answersTo: orNull(aText('The approval whose server asked what this answers.')),
  asked: orNull(aText('What the server asked, as JSON text.')),
  answers: listOf(closed({ at: aText(), leg: orNull(aText()), digest: aText(), text: aText() })),
  fingerprint: aText('Identifies the exact call. Send it with a decision.'),
  requirement: Requirement,
  decisions: listOf(Decision),
  unusual: listOf(
    aText(),
    'What is unusual about the call beside earlier ones of its tool by the same agent that people were asked about: facts with their numbers.',
  ),
  preview: {
    oneOf: [PREVIEW_SAID, PREVIEW_NONE, { type: 'null' }],
    description: 'What the server said by the tool that the policy names; unverified. null: the policy names none.',
  },
  summary: orNull(aText('The policy’s sentence about this call, with the values that are shown. null: it has none.')),
  cues: listOf(
    oneOf(CUES),
    'While it is pending, what makes it look different: further people are asked, the tool changed, the agent never ran this tool with an approval, it is its first question today (UTC).',
  ),
  allowance: orNull(aText('The allowance under which it was approved; null: people decided it.')),
  mayAllow: {
    anyOf: [
      closed({ minutes: whole(), calls: whole(), mayVary: listOf(aText()), within: listOf(aText()) }),
      { type: 'null' },
    ],
    description: 'What an approval may allow in advance at most; null: nothing.',
  },
  rule: aText('The rule of the policy that matched, or default.'),
  risk: oneOf(['read', 'write', 'execute', 'financial', 'destructive', null]),
  severity: oneOf(['low', 'medium', 'high', 'critical', null]),
  reason: orNull(aText('The policy’s reason.')),
  trace: listOf(closed({ path: aText(), says: aText(), decided: yesOrNo() }), 'How the policy came to its verdict.'),
  statedReason: orNull(aText('What the agent gave as its reason. Unverified.')),
  laterReasons: listOf(aText()),
  previousUnknown: orNull(aText('An earlier approval of the same call whose outcome is unknown.')),
  counterOf: {
    anyOf: [
      closed({
        approval: aText('The approval that was denied with it.'),
        by: aText(),
        person: orNull(aText()),
        via: oneOf(['slack', 'api', 'console']),
        depth: whole('How many counter-proposals led here, with this one.'),
        changes: listOf(
          closed({ path: aText(), before: orNull(aText('JSON text, cut.')), after: orNull(aText('JSON text, cut.')) }),
        ),
        more: whole('How many more changes there are.'),
      }),
      { type: 'null' },
    ],
    description: 'It is a counter-proposal; null: an agent opened it.',
  },
  note: orNull(aText('Why it ended.')),
  callers: whole('Callers that wait, or still have to fetch the outcome.'),
  gaveUp: whole('How many of them stopped waiting.'),
  createdAt: instant(),
  expiresAt: instant(),
  pickupUntil: orNull(instant('An approved call lapses at this time; null: not approved.')),
  broken: oneOf(
    ['unsealed', 'secret', 'arguments', 'requirement', 'state', 'reasons', 'decisions', 'answers', 'older', null],
    'What of the record was changed outside Holdfast; null: nothing.',
  ),
  updatedAt: instant(),
  erased: { ...ref('Erasure'), description: 'Present if what it says of the call was erased.' },
};

const shareOf = (says: string): Schema => ({
  anyOf: [{ type: 'number', minimum: 0, maximum: 1 }, { type: 'null' }],
  description: `${says} From 0 to 1; null: no decision.`,
});
const secondsOf = (says: string): Schema => ({ anyOf: [{ type: 'number' }, { type: 'null' }], description: says });
const overseenMembers: Readonly<Record<string, Schema>> = {
  name: aText('A person, a group, or server.tool.'),
  asked: whole('Questions that were put to them, or about it.'),
  decided: whole(),
  approved: whole(),
  denied: whole(),
  reversed: whole('A yes that became a no, or was taken back.'),
  approvedShare: shareOf('Approved.'),
  fastShare: shareOf('Decided within 3 s.'),
  fullShare: shareOf('Decided in the full view, a form that shows the call, or by a signature.'),
  meanSeconds: secondsOf('From question to decision; null: no decision.'),
  halfWithinSeconds: secondsOf('Half took at most so long; null: no decision, or more than two hours.'),
};

const Scope: Schema = {
  oneOf: [{ const: 'all' }, closed({ server: aText() }), closed({ grant: aText() })],
};

const freezeMembers = { id: aText(), scope: ref('Scope'), reason: aText(), by: aText(), since: instant() };

const advanceMembers = {
  id: aText(),
  approval: aText(),
  grant: aText(),
  principal: aText(),
  server: aText(),
  tool: aText(),
};
const endMembers = { endedAt: orNull(instant()), endedBy: orNull(aText()) };

const Allowance = closed({
  ...advanceMembers,
  bounds: closed({
    minutes: whole(),
    calls: whole(),
    mayVary: listOf(aText(), 'Arguments that may have other values of the same kind.'),
    within: listOf(aText(), 'Conditions of the policy and of the person, in words.'),
  }),
  since: instant(),
  until: instant(),
  used: whole(),
  left: whole('How many more calls it lets through; 0 once it has ended.'),
  state: oneOf(['given', ...ALLOWANCE_ENDS], 'given, or why it lets nothing through any more.'),
  by: listOf(aText(), 'Those who gave it.'),
  ...endMembers,
});

const StandingDenial = closed({
  ...advanceMembers,
  mayVary: listOf(aText(), 'Arguments that may have other values of the same kind.'),
  reason: orNull(aText()),
  since: instant(),
  until: instant(),
  state: oneOf(['given', 'over', 'revoked']),
  by: aText(),
  ...endMembers,
});

const eventMembers: Readonly<Record<string, Schema>> = {
  n: whole('Increases in the order of writing.'),
  seq: orNull(whole('Position in the chain; null: not sealed yet.')),
  hash: orNull(aText('Hex SHA-256; null: not sealed yet.')),
  type: oneOf(EVENTS),
  at: instant(),
  actor: aText('Who did it: grant:NAME, slack:ID, login:NAME, sub:ACCOUNT, admin, holdfast.'),
  approval: orNull(aText()),
  server: orNull(aText()),
  tool: orNull(aText()),
  grant: orNull(aText()),
  replica: aText('The process that wrote it.'),
  data: anyObject('Everything else. Never a secret or a tool’s result.'),
  state: oneOf([...STATES, null], 'In a search: the state of the approval now.'),
  doubt: oneOf(
    ['body', 'columns', 'secret', 'key'],
    'Present if the event differs from what a gateway wrote, or cannot be read any more without having been erased.',
  ),
};

const Loss = closed({ table: aText(), row: orNull(aText()), about: aText() });

const parts = closed(
  {
    store: aText(),
    queue: aText(),
    audit: aText(),
    witness: aText(),
    clock: aText(),
    slack: aText(),
    approvers: aText(),
    gateway: aText(),
  },
  ['store', 'queue', 'audit', 'witness', 'clock', 'slack', 'approvers', 'gateway'],
);

const readFor: Readonly<Record<string, Schema>> = {
  from: instant('Where reading began; later than `since` where there was too much.'),
  until: instant(),
  cutShort: yesOrNo('Whether there is more in the log, before `from`.'),
  doubted: whole('Events and samples that are not as a gateway wrote them, and are left out.'),
  sampled: yesOrNo('Whether samples of allowed calls are kept.'),
};

/** The schemas of the API's answers and bodies, by name. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Approval: closed(approvalMembers, ['erased']),
  ApprovalWithCard: closed(
    {
      ...approvalMembers,
      card: {
        anyOf: [closed({ channel: orNull(aText()), ts: orNull(aText()) }), { type: 'null' }],
        description: 'The message in Slack; null: there is none.',
      },
    },
    ['erased'],
  ),
  Passkey: closed({
    id: aText('The credential’s id, base64url.'),
    owner: aText('A Slack id, a login, or `sub:…`.'),
    name: aText(),
    publicKey: aText('SPKI, DER, base64url.'),
    algorithm: oneOf([-7, -8, -257]),
    origin: aText('Where it was made.'),
    createdAt: instant(),
    registered: orNull(closed({ at: instant(), by: aText(), breakGlass: yesOrNo('By the admin token.') })),
    ended: orNull(closed({ at: instant(), by: aText(), how: oneOf(['revoked', 'suspended']) })),
  }),
  PasskeyChallenge: closed({
    nonce: aText('Send it with what the browser makes.'),
    publicKey: { type: 'object', description: 'For PublicKeyCredential.parseCreationOptionsFromJSON.' },
  }),
  PasskeyBody: closed({
    name: aText('What you call it; at most 80 characters.'),
    nonce: aText(),
    credential: { type: 'object', description: 'What PublicKeyCredential.toJSON() gives.' },
  }),
  SigningChallenge: closed({
    nonce: aText('Send it with what the passkey signs.'),
    publicKey: { type: 'object', description: 'For PublicKeyCredential.parseRequestOptionsFromJSON.' },
  }),
  OverseenLine: closed(overseenMembers),
  OverseenTool: closed({
    ...overseenMembers,
    candidate: oneOf(
      ['rule', 'deny', null],
      'rule: all of at least 20 decisions approved it; deny: half of at least 5 denied it.',
    ),
  }),
  OversightReport: closed({
    from: aText('The first day, UTC.'),
    to: aText('The last day.'),
    people: listOf(ref('OverseenLine')),
    groups: listOf(ref('OverseenLine')),
    tools: listOf(ref('OverseenTool')),
    upTo: whole('The place in the chain up to which events are counted.'),
    doubtful: yesOrNo('Sums that no gateway wrote were left out.'),
    cut: yesOrNo('There is more in these days than is read at once.'),
  }),
  SnoozeBody: closed({ minutes: { type: 'integer', minimum: 1, maximum: MOST_SNOOZE_MINUTES } }),
  SnoozedApproval: closed({ approval: aText('Its id.'), until: instant() }),
  WokenApproval: closed({ approval: aText('Its id.') }),
  Snooze: closed({ approval: aText('Its id.'), at: instant(), until: instant() }),
  SignatureBody: closed(
    {
      nonce: aText(),
      credential: { type: 'object', description: 'What PublicKeyCredential.toJSON() gives.' },
      reason: orNull(aText('At most 2,000 characters are kept.')),
      fingerprint: orNull(aText('Refused unless it is that of the call.')),
    },
    ['reason', 'fingerprint'],
  ),
  DecisionBody: closed(
    {
      decision: oneOf(['approve', 'deny']),
      reason: orNull(aText('At most 2,000 characters are kept.')),
      fingerprint: orNull(aText('Refused unless it is that of the call.')),
      allowance: {
        anyOf: [
          closed(
            {
              minutes: { type: 'integer', minimum: 1, maximum: MOST_ALLOWED_MINUTES },
              calls: { type: 'integer', minimum: 1, maximum: MOST_ALLOWED_CALLS },
              within: listOf(anyObject(), 'Further conditions, as a policy has them.'),
            },
            ['within'],
          ),
          { type: 'null' },
        ],
        description: 'With approve: the like is approved too. No wider than mayAllow of the approval.',
      },
      standing: {
        anyOf: [closed({ minutes: { type: 'integer', minimum: 1, maximum: MOST_DENIED_MINUTES } }), { type: 'null' }],
        description: 'With deny: the like is denied at once for so long.',
      },
      counter: {
        type: ['object', 'null'],
        description: 'With deny: all arguments of the call that would be approved instead.',
      },
    },
    ['reason', 'fingerprint', 'allowance', 'standing', 'counter'],
  ),
  DecisionsBody: closed(
    {
      decision: oneOf(['approve', 'deny']),
      reason: orNull(aText('At most 2,000 characters are kept. It is given for each of them.')),
      items: {
        ...listOf(
          closed({ id: aText(), fingerprint: aText(), revision: whole('As the approval had it when it was shown.') }),
        ),
        minItems: 1,
        maxItems: MOST_TOGETHER,
      },
    },
    ['reason'],
  ),
  NoneDecided: closed(
    {
      error: aText('What it is, as one word.'),
      reason: aText('The same in a sentence.'),
      items: listOf(
        closed({
          id: aText(),
          state: { anyOf: [oneOf(STATES), { type: 'null' }], description: 'As it is now; null: there is none.' },
          why: aText('As one word, as a decision about it alone is refused; changed: not as it was shown; not_found.'),
          reason: aText('The same in a sentence.'),
        }),
        'Those that keep all of them from being decided.',
      ),
    },
    ['items'],
  ),
  DecidedApproval: closed(
    {
      ...approvalMembers,
      gave: closed({
        allowance: { anyOf: [ref('Allowance'), { type: 'null' }] },
        denial: { anyOf: [ref('StandingDenial'), { type: 'null' }] },
      }),
      counter: {
        anyOf: [ref('Approval'), { type: 'null' }],
        description: 'The approval that was opened with the denial; null: none.',
      },
    },
    ['erased'],
  ),
  Allowance,
  StandingDenial,
  TakeBackBody: closed({ reason: orNull(aText()), fingerprint: orNull(aText()) }, ['reason', 'fingerprint']),
  Scope,
  Freeze: closed(freezeMembers),
  LiftedFreeze: closed({ ...freezeMembers, liftedAt: instant(), liftedBy: aText() }),
  FreezeBody: closed({ scope: ref('Scope'), reason: ref('Reason') }),
  ReasonBody: closed({ reason: ref('Reason') }),
  EraseBody: closed({ reason: { type: 'string', minLength: 1, maxLength: LONGEST_ERASE_REASON } }),
  Erasure: closed({ by: aText(), at: instant(), reason: aText() }),
  ErasedData: closed({
    approval: aText('Its id.'),
    erased: ref('Erasure'),
    events: whole('Events of it whose data nobody can read any more.'),
    clear: whole('Events of it that were written in the clear, and stay in the log.'),
    cards: whole('Cards of which what they showed was kept, and is no longer.'),
    samples: whole('Samples of the same call that were removed.'),
  }),
  ErasureBody: closed(
    {
      matching: { type: 'string', minLength: SHORTEST_MATCH, maxLength: LONGEST_MATCH },
      reason: { type: 'string', minLength: 1, maxLength: LONGEST_ERASE_REASON },
      dryRun: yesOrNo('True: only says what would be erased, and needs no reason.'),
    },
    ['reason', 'dryRun'],
  ),
  Erasures: closed({
    dryRun: yesOrNo(),
    items: listOf(
      closed({
        approval: aText('Its id.'),
        server: aText(),
        tool: aText(),
        grant: aText(),
        state: oneOf(STATES),
        createdAt: instant(),
        outcome: oneOf(
          ['found', 'erased', 'live', 'owed', 'card', 'off', 'not_found', 'not_an_operator'],
          'found: nothing was changed; live, owed, card: it cannot be erased yet.',
        ),
        clear: orNull(whole('Events of it that stay in the log; null: nothing was erased.')),
      }),
    ),
    more: yesOrNo('There are more: ask again.'),
    samples: whole('Samples with this text that were removed.'),
  }),
  Reason: { type: 'string', minLength: 1, maxLength: LONGEST_FREEZE_REASON },
  Grant: closed({
    name: aText(),
    owner: orNull(aText()),
    servers: listOf(aText()),
    expires: orNull(instant()),
    selfApproval: yesOrNo(),
    tokens: oneOf([1, 2], 'How many tokens are accepted: 2 during a rotation.'),
    lastUse: orNull(instant()),
    revoked: { anyOf: [closed({ by: aText(), at: instant(), reason: orNull(aText()) }), { type: 'null' }] },
  }),
  Event: closed(eventMembers, ['replica', 'state', 'doubt']),
  Evidence: closed({
    evidence: anyObject('What proves the decision: docs/audit.md, Evidence of one decision.'),
    key: aText('The Ed25519 public key that signed it, 64 hex digits.'),
    signature: aText('Over the text of `evidence`, 128 hex digits.'),
  }),
  SealedEvent: anyObject('An event with n, seq and hash.'),
  Checkpoints: closed({
    log: orNull(aText('The id of the log.')),
    keys: listOf(aText(), 'Public keys.'),
    items: listOf(closed({ seq: whole(), checkpoint: anyObject(), signature: aText() })),
    next: orNull(aText()),
  }),
  AcceptBody: closed({ reason: { type: 'string', minLength: 1, maxLength: 2_000 }, dryRun: yesOrNo() }, ['dryRun']),
  Acceptance: closed({
    accepted: orNull(whole('The number of this acceptance; null: nothing was changed.')),
    dryRun: yesOrNo(),
    at: instant(),
    by: aText(),
    reason: aText(),
    found: listOf(closed({ kind: aText(), about: aText(), why: aText() }), 'The alarms.'),
    unknown: listOf(aText(), 'Approvals that are unknown now.'),
    restored: listOf(aText(), 'Approvals that were restored as unknown.'),
    ended: listOf(aText(), 'Approvals that ended.'),
    putBack: listOf(Loss, 'Rows that were restored.'),
    lost: listOf(Loss, 'Rows that are missing.'),
  }),
  Ready: closed(
    {
      ready: yesOrNo('Whether every part that calls depend on answers.'),
      gated: yesOrNo('Whether calls that need an approval can run.'),
      parts,
      alarms: listOf(closed({ kind: aText(), about: aText(), why: aText(), since: aText(), remedy: aText() })),
      furtherAlarms: whole(),
      frozen: listOf(aText()),
      watching: listOf(
        closed({ server: aText(), rule: orNull(aText()), since: orNull(aText()) }),
        'Servers, and rules of others, whose verdicts and limits are recorded and not enforced.',
      ),
      archiving: closed({ since: instant() }),
    },
    ['gated', 'alarms', 'furtherAlarms', 'frozen', 'watching', 'archiving'],
  ),
  PersonalToken: closed(personalToken),
  NewToken: closed({ ...personalToken, token: aText('The token. It is shown once.') }),
  TokenBody: closed(
    {
      name: { type: 'string', minLength: 1, maxLength: 80 },
      role: oneOf(ROLES),
      days: { type: 'integer', minimum: 1, maximum: 90, default: 30 },
    },
    ['days'],
  ),
  Person: closed({
    name: aText(),
    slack: orNull(aText()),
    login: orNull(aText()),
    adminToken: yesOrNo('Whether they hold the admin token.'),
    sources: listOf(closed({ role: oneOf(ROLES), from: aText() }), 'Roles, and where each comes from.'),
    groups: listOf(aText(), 'Groups of approvers that list them.'),
    standsIn: listOf(
      closed({ group: aText(), for: aText(), until: instant() }),
      'Groups in which they decide in the place of somebody, and until when.',
    ),
  }),
  ReplayBody: closed(
    {
      since: instant('Calls from then on; at most 366 days ago.'),
      server: orNull(aText('Absent: all of them; with a policy, the only one.')),
      policy: orNull(aText('The text of a policy; absent: those in force. At most 524,288 characters.')),
      format: oneOf(['yaml', 'json']),
    },
    ['server', 'policy', 'format'],
  ),
  BadPolicy: closed({
    error: { const: 'bad_policy' },
    reason: aText('A sentence for people.'),
    faults: listOf(
      closed({ line: whole(), column: whole(), path: aText(), message: aText(), expected: orNull(aText()) }),
      'The first fifty.',
    ),
  }),
  Replay: closed({
    ...readFor,
    policies: listOf(closed({ server: aText(), digest: aText('SHA-256 of its text.') })),
    calls: whole(),
    same: whole(),
    changed: whole(),
    unknown: whole('Calls of which nobody can tell, because too little is kept of them.'),
    unlisted: whole('Calls whose verdict would change and that are not listed.'),
    changes: listOf(
      closed({
        server: aText(),
        tool: aText(),
        agent: aText(),
        from: oneOf(SAID, 'What the policy of that time said, enforced or watched.'),
        to: oneOf(SAID),
        rule: aText(),
        where: aText('The place in the policy, or the limit, that decides.'),
        count: whole(),
        calls: listOf(closed({ n: whole('Its event.'), at: instant(), approval: orNull(aText()) }), 'The first five.'),
      }),
    ),
    unknowns: listOf(closed({ server: aText(), tool: aText(), because: oneOf(UNKNOWNS), count: whole() })),
    limits: listOf(
      closed({
        server: aText(),
        counter: aText(),
        scope: oneOf(SCOPES),
        max: aText(),
        most: aText('What its fullest window would have counted, at least.'),
        refused: whole(),
      }),
    ),
  }),
  SuggestBody: closed({ since: instant(), server: orNull(aText('Absent: the only one.')) }, ['server']),
  Suggestion: closed({ ...readFor, server: aText(), policy: aText('YAML, with the evidence as comments.') }),
  Healthy: closed({ ok: { const: true } }),
  Refusal: closed(
    {
      error: aText('A word for programs.'),
      reason: aText('A sentence for people.'),
      faults: listOf(
        closed({ path: aText('Which argument; empty: all of them.'), why: aText() }),
        'With bad_counter: what is wrong with what is proposed.',
      ),
    },
    ['faults'],
  ),
};
