import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { agentStandingOf } from '../../src/config/agent-standing.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/config-file.ts';
import type { Loaded } from '../../src/config/load.ts';
import { ownConditions } from '../../src/config/own-conditions.ts';
import type { Allowance, StandingDenial } from '../../src/domain/allowance/allowance.ts';
import { hiddenPathIn } from '../../src/domain/allowance/hidden-condition.ts';
import type { Approval, Decision } from '../../src/domain/approval/approval.ts';
import { judgeDecision } from '../../src/domain/approval/decide.ts';
import { takenBackNote } from '../../src/domain/approval/take-back.ts';
import { canonical } from '../../src/domain/json/canonical.ts';
import { DEFAULT_REDACTION, NO_REDACTION, type Redaction } from '../../src/domain/json/redact.ts';
import type { AgentAccount } from '../../src/domain/people/access-token.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { coveringAllowance, othersAllowances } from '../../src/gateway/allowance/covering.ts';
import type { Arrival } from '../../src/gateway/call/arrival.ts';
import { ask } from '../../src/gateway/call/ask.ts';
import type { AskVerdict } from '../../src/gateway/call/new-approval.ts';
import type { VerdictNotes } from '../../src/gateway/call/verdict-notes.ts';
import { decideApproval } from '../../src/gateway/decision/decide.ts';
import { takeBack } from '../../src/gateway/decision/take-back.ts';
import { approveUnder, endUnfounded, recheckAllowance } from '../../src/gateway/dispatch/under-allowance.ts';
import { LiveRules } from '../../src/main/rules/live-rules.ts';
import type { Change } from '../../src/ports.ts';
import { advanceIn } from '../../src/web/api/advance-body.ts';
import { strangeMember } from '../../src/web/api/body.ts';
import { currentOf, OPENED, sampleApproval } from '../support/domain/approval.ts';
import { callOf, faultsOf, policyOf } from '../support/domain/policy.ts';

const NOW = new Date(OPENED.getTime() + 60_000);
const BOUNDS = { minutes: 60, calls: 5, within: [], says: [] };
const VOTE: Decision = {
  approver: 'U0MIRA',
  choice: 'approve',
  reason: null,
  via: 'api',
  self: false,
  userGroup: null,
  at: NOW,
  offers: BOUNDS,
};
const POLICY = policyOf({
  tools: {
    create_api_key: {
      action: 'require_approval',
      approval: { allowance: { max_minutes: 60, max_calls: 5, may_vary: ['args.name'] } },
    },
  },
});
const vault = {
  fingerprints: (of: unknown) => [
    createHash('sha256')
      .update(canonical(of as never))
      .digest('hex'),
  ],
};

const given = (more: Partial<Allowance> = {}): Allowance => ({
  id: 'al_1',
  approval: 'ap_source',
  grant: 'release-bot',
  server: 'prometheus',
  tool: 'create_api_key',
  owner: 'U0SAM',
  token: 't',
  policyDigest: POLICY.digest,
  mayVary: ['args.name'],
  within: [],
  like: likeOf('create_api_key', { name: 'ci-1' }, POLICY),
  look: null,
  bounds: BOUNDS,
  used: 0,
  at: OPENED,
  until: new Date(OPENED.getTime() + 3_600_000),
  by: ['U0MIRA'],
  ended: null,
  ...more,
});

function likeOf(tool: string, args: Parameters<typeof callOf>[1], policy: Policy): string {
  const seen: string[] = [];
  const collecting = {
    fingerprints: (of: never) => {
      seen.push(...vault.fingerprints(of));
      return seen;
    },
  };
  const rule = policy.exact.get(tool)!.ask.allowance!;
  const known = { allowancesAt: () => [{}] };
  const gateway = { vault: collecting, knownInAdvance: known, clock: { now: () => NOW }, rules: {} } as never;
  coveringAllowance(gateway, { ...policy, allTools: { ...policy.allTools, askIf: [] } }, callOf(tool, args), rule);
  return seen[0]!;
}

/** A gateway with this one allowance, and what is ended and committed. */
function world({
  allowance = given(),
  source,
  policy = POLICY,
}: {
  allowance?: Allowance;
  source?: Approval;
  policy?: Policy;
}) {
  const ended: unknown[] = [];
  const commits: Change[] = [];
  const from =
    source ?? sampleApproval({ id: 'ap_source', state: 'succeeded', policyDigest: policy.digest, decisions: [VOTE] });
  const gateway = {
    alarms: { why: null },
    announcer: { announce: () => undefined },
    cards: null,
    clock: { now: () => NOW },
    faultPoint: undefined,
    vault,
    allowances: {
      find: async () => allowance,
      waits: async () => true,
      end: async (id: string, { why }: { why: string }) => {
        ended.push([id, why]);
        return { kind: 'ended', it: allowance };
      },
    },
    knownInAdvance: {
      allowances: [allowance],
      allowancesAt: () => [allowance],
      firstLook: () => null,
      refreshSoon: async () => undefined,
    },
    storeWatch: { tellSets: async () => void commits.push('told' as never) },
    log: { warn: () => undefined, error: () => undefined },
    queue: { publish: async () => undefined },
    rules: {
      approval: { pickupMs: 3_600_000 },
      refresh: async () => undefined,
      policy: () => policy,
      look: () => null,
      principal: (_grant: string, _server: string, owner: string | null) => ({ owner }),
      token: () => 't',
      approvers: (approval: Approval) => currentOf(approval),
      conditions: ownConditions,
    },
    store: {
      find: async () => from,
      append: async () => undefined,
      commit: async (change: Change) => {
        commits.push(change);
        return {
          kind: 'committed',
          approval: { ...from, state: change.to, decisions: change.votes ?? from.decisions },
        };
      },
    },
  };
  return { gateway: gateway as never, ended, commits };
}

const OWNERS = ['U0SAM'];

test('P1: a yes that was taken back lets nothing run: its allowance ends at the next look, use and spending', async () => {
  const source = sampleApproval({
    id: 'ap_source',
    state: 'lapsed',
    note: takenBackNote({ by: 'U0MIRA', reason: 'wrong call, stop' }),
    policyDigest: POLICY.digest,
    decisions: [VOTE],
  });
  const { gateway, ended, commits } = world({ source });
  const judged = await recheckAllowance(gateway, 'al_1', OWNERS);
  assert.ok(judged.kind === 'lapse');
  assert.match(judged.why, /it was revoked/);
  assert.equal(await approveUnder(gateway, sampleApproval({ id: 'ap_use' }), given()), null);
  await endUnfounded(gateway);
  assert.deepEqual(ended, Array(3).fill(['al_1', 'revoked']));
  assert.deepEqual(commits, []);
  const lapsed = world({ source: { ...source, note: 'policy now denies it' } });
  assert.equal((await recheckAllowance(lapsed.gateway, 'al_1', OWNERS)).kind, 'votes', 'what lapsed by itself');
});

test('P1: taking back a yes, or one use of it, ends the allowance in the same transaction, with its event', async () => {
  const word = { reason: null, fingerprint: null };
  const mira = { id: 'U0MIRA', via: 'slack', userGroups: [] } as const;
  const { offers: _, ...plain } = VOTE;
  const table: readonly (readonly [string, Decision, string | null | undefined])[] = [
    ['the yes', VOTE, null],
    ['a use', { ...plain, allowance: 'al_1' }, 'al_1'],
    ['a plain yes', plain, undefined],
  ];
  for (const [what, decision, allowance] of table) {
    const source = sampleApproval({ id: 'ap_source', state: 'approved', decisions: [decision] });
    const { gateway, commits } = world({ source });
    assert.equal((await takeBack(gateway, 'ap_source', word, mira)).kind, 'taken_back', what);
    const [change, told] = commits;
    assert.equal(change?.revokes?.allowance, allowance, what);
    assert.equal(told, allowance === undefined ? undefined : 'told', 'witnesses are told at once');
    const event = change?.revokes?.event(given());
    if (event !== undefined) {
      const { allowance: id, why, takenBack, via } = event.data;
      assert.deepEqual(
        [event.type, event.actor, id, why, takenBack, via],
        ['allowance.ended', 'slack:U0MIRA', 'al_1', 'revoked', 'ap_source', 'slack'],
        what,
      );
    }
  }
});

test('P1: what a sequence rule asks is not answered in advance: both together are a fault, and no use is found', () => {
  const file = (tool: string, top = ''): string =>
    `version: "1"\ndefault: deny\n${top}tools:\n  mail:\n    action: require_approval\n${tool}` +
    '    approval: { allowance: { max_minutes: 15, max_calls: 5 } }\n';
  const after = '{ after: { server: web, risk: read, within: 1h } }';
  const other = '{ path: args.to, op: eq, value: x }';
  const table: readonly (readonly [string, RegExp | null])[] = [
    [file(`    ask_if: [${other}, ${after}]\n`), /tools\.mail\.ask_if\[1\] looks at earlier calls/],
    [
      file(`    ask_if: [{ any: [${other}, { all: [${after}] }] }]\n`),
      /tools\.mail\.ask_if\[0\] looks at earlier calls/,
    ],
    [file('', `all_tools: { ask_if: [${after}] }\n`), /all_tools\.ask_if\[0\] looks at earlier calls/],
    [file(`    ask_if: [${other}]\n`), null],
    [file(`    deny_if: [${after}]\n`), null],
    [file(`    require: [${after}]\n`), null],
  ];
  for (const [text, says] of table) {
    const faults = faultsOf(text).join('\n');
    if (says === null) assert.equal(faults, '', text);
    else assert.match(faults, says, text);
  }
  const asking = policyOf({
    tools: { create_api_key: { action: 'require_approval', ask_if: [{ after: { risk: 'read', within: '1h' } }] } },
  });
  const rule = POLICY.exact.get('create_api_key')!.ask.allowance!;
  const call = callOf('create_api_key', { name: 'ci-2' });
  const { gateway } = world({});
  assert.equal(coveringAllowance(gateway, POLICY, call, rule)?.id, 'al_1');
  const under = world({ policy: asking, allowance: given({ policyDigest: asking.digest }) });
  assert.equal(coveringAllowance(under.gateway, asking, call, rule), null);
});

test('P1: an account that is another person’s now has no use of what was given before', async () => {
  const rule = POLICY.exact.get('create_api_key')!.ask.allowance!;
  const mine = callOf('create_api_key', { name: 'ci-2' });
  for (const owner of ['U0MIRA', null]) {
    const { gateway, ended, commits } = world({});
    const call = { ...mine, principal: { ...mine.principal, owner } };
    assert.equal(coveringAllowance(gateway, POLICY, call, rule), null, String(owner));
    assert.equal(othersAllowances(gateway, call).length, 1);
    assert.equal(await approveUnder(gateway, sampleApproval({ id: 'ap_use', owner }), given()), null);
    // The pass was given before the account changed hands.
    const judged = await recheckAllowance(gateway, 'al_1', ['U0SAM', owner]);
    assert.ok(judged.kind === 'lapse');
    assert.match(judged.why, /owner has changed/);
    assert.deepEqual([ended, commits], [Array(2).fill(['al_1', 'owner']), []]);
  }
  const { gateway } = world({});
  assert.deepEqual(othersAllowances(gateway, mine), []);
  assert.equal((await approveUnder(gateway, sampleApproval({ id: 'ap_use' }), given()))?.state, 'approved');
});

test('P1: what was allowed in quiet hours lets nothing run of which others are asked, and the other way round', async () => {
  const hours = { from: '22:00', to: '07:00', zone: 'UTC', group: 'oncall', insteadOf: ['security'] };
  const asked = (id: string, quiet: typeof hours | null, more: Partial<Omit<Approval, 'requirement'>> = {}) =>
    sampleApproval({ id, ...(quiet === null ? {} : { requirement: { quiet } }), ...more });
  const runs = async (then: typeof hours | null, now: typeof hours | null): Promise<boolean> => {
    const source = asked('ap_source', then, {
      state: 'succeeded',
      policyDigest: POLICY.digest,
      decisions: [VOTE],
    });
    return (await approveUnder(world({ source }).gateway, asked('ap_use', now), given())) !== null;
  };
  const others = { ...hours, group: 'night' };
  assert.deepEqual([await runs(null, null), await runs(hours, { ...hours, to: '08:00' })], [true, true]);
  assert.deepEqual(
    [await runs(hours, null), await runs(null, hours), await runs(hours, others)],
    [false, false, false],
  );
});

test('P1: a vote in the owner’s place allows no more than the owner’s own', () => {
  const standIns = [{ group: 'security', for: 'U0SAM', by: 'U0BOB', until: '2027-01-01T00:00:00.000Z' }];
  const allowance = { minutes: 60, calls: 10, mayVary: [], within: [], like: 'l', look: null };
  const judged = (who: string, people: readonly string[], offers: boolean): string => {
    const plain = sampleApproval();
    const approval = sampleApproval({
      selfApproval: true,
      trace: { ...plain.trace, allowance },
      requirement: { ...plain.requirement, people, standIns },
    });
    const word = {
      choice: 'approve',
      reason: null,
      fingerprint: null,
      ...(offers ? { allowance: BOUNDS } : {}),
    } as const;
    const judgement = judgeDecision(
      approval,
      word,
      { id: who, via: 'slack', userGroups: [] },
      NOW,
      currentOf(approval),
    );
    return judgement.kind === 'refused' ? judgement.reason : judgement.next;
  };
  const people = ['U0SAM', 'U0ALEX'];
  assert.deepEqual([judged('U0BOB', people, false), judged('U0BOB', people, true)], ['approved', 'own_allowance']);
  assert.equal(judged('U0SAM', people, true), 'own_allowance');
  assert.equal(judged('U0ALEX', people, true), 'approved');
  assert.equal(judged('U0BOB', [...people, 'U0BOB'], true), 'approved', 'by a right of their own');
});

test('P8: a person’s own condition tests nothing that is hidden', async () => {
  const hidden = (path: string, redaction: Redaction): boolean => {
    const conditions = ownConditions([
      { any: [{ path: 'args.name', op: 'exists' }, { all: [{ path, op: 'eq', value: 'x' }] }] },
    ]);
    assert.ok(typeof conditions !== 'string');
    return conditions.some(({ condition }) => hiddenPathIn(condition, redaction) !== null);
  };
  const byPath: Redaction = { byName: false, paths: [{ part: 'args', segments: ['user', '*', 'seed'] }] };
  const table: readonly (readonly [string, Redaction, boolean])[] = [
    ['args.name', DEFAULT_REDACTION, false],
    ['args.password', DEFAULT_REDACTION, true],
    ['args.deep.api_key', DEFAULT_REDACTION, true],
    ['args.passwords[0]', DEFAULT_REDACTION, true],
    ['args.*', DEFAULT_REDACTION, true],
    ['args.items[*].name', DEFAULT_REDACTION, false],
    ['meta["acme.com/token"]', DEFAULT_REDACTION, true],
    ['args.password', NO_REDACTION, false],
    ['args.*', NO_REDACTION, false],
    ['args.user.a.seed', byPath, true],
    ['args.user.a.seed.deep', byPath, true],
    ['args.user[*].seed', byPath, true],
    ['args.user', byPath, true],
    ['args.user.a.name', byPath, false],
    ['params.user.a.seed', byPath, false],
  ];
  for (const [path, redaction, so] of table) assert.equal(hidden(path, redaction), so, path);

  const within = [{ path: 'args.password', op: 'starts_with', value: 'h' }];
  const asked = sampleApproval({ id: 'ap_source', state: 'pending', policyDigest: POLICY.digest });
  const offered = { minutes: 60, calls: 5, mayVary: [], within: [], like: 'l', look: null };
  const source = { ...asked, trace: { ...asked.trace, allowance: offered } };
  const { gateway, commits } = world({ source });
  const word = { choice: 'approve', reason: null, fingerprint: null, allowance: { ...BOUNDS, within } } as const;
  const decided = await decideApproval(
    gateway,
    'ap_source',
    word,
    { id: 'U0MIRA', via: 'api', userGroups: [] },
    { pickupMs: 1_000 },
  );
  assert.equal(decided.kind === 'refused' ? decided.reason : decided.kind, 'hidden_condition');
  assert.deepEqual(commits, []);
  // One that was given earlier covers nothing.
  const args = { name: 'ci-1', password: 'hunter2' };
  const old = given({ like: likeOf('create_api_key', args, POLICY), bounds: { ...BOUNDS, within } });
  const rule = POLICY.exact.get('create_api_key')!.ask.allowance!;
  const call = callOf('create_api_key', args);
  assert.equal(coveringAllowance(world({ allowance: old }).gateway, POLICY, call, rule), null);
  const plain = given({ like: old.like });
  assert.equal(coveringAllowance(world({ allowance: plain }).gateway, POLICY, call, rule)?.id, 'al_1');
});

test('P2: a standing denial answers what has not run, and leaves what has to be collected', async () => {
  const call = callOf('create_api_key', { name: 'ci-1' });
  const denial: StandingDenial = {
    ...given(),
    reason: 'no more keys',
    by: 'U0MIRA',
    ended: null,
  };
  const verdict = evaluate(POLICY, call) as AskVerdict;
  const asked = async (denials: readonly StandingDenial[], opened: object) => {
    const away: string[] = [];
    const rooms: unknown[] = [];
    const gateway = {
      journal: { recovered: async () => true },
      alarms: { why: null },
      clock: { now: () => NOW },
      vault: { ...vault, seal: () => new Uint8Array() },
      replica: 'r',
      knownInAdvance: { denialsAt: () => denials, allowancesAt: () => [], refreshSoon: async () => undefined },
      knownFreezes: { over: () => null },
      fullLimits: { find: () => null },
      rules: {
        approval: { maxBytes: 1e9, timeoutMs: 6e5, pickupMs: 36e5 },
        requirement: () => sampleApproval().requirement,
        look: () => null,
        signingOrigin: null,
      },
      retries: { add: () => undefined },
      queue: { publish: async () => undefined, park: async () => undefined },
      cards: null,
      cardGate: { waitMs: () => 0 },
      log: { error: () => undefined },
      store: {
        peek: async () => null,
        askedBefore: async () => null,
        away: async (joiner: string) => void away.push(joiner),
        open: async (_request: unknown, _joiner: unknown, room: { closed: boolean }) => {
          rooms.push(room.closed);
          return opened;
        },
      },
    } as never;
    const notes = { toolTellsHidden: false, note: () => undefined, standing: () => ({ kind: 'standing' }) };
    const arrival = {
      call,
      policy: POLICY,
      bytes: new Uint8Array(10),
      requestId: '1',
      inexact: { list: [] },
      freeze: async () => new Uint8Array(),
      gatedFault: () => null,
      statedReason: null,
    };
    const handled = await ask(gateway, notes as unknown as VerdictNotes, [], arrival as unknown as Arrival, verdict);
    return [handled.kind, ...rooms, ...away];
  };
  const joined = (state: Approval['state']) => ({
    kind: 'joined',
    approval: sampleApproval({ state }),
    joiner: 'jo_1',
  });
  for (const state of ['succeeded', 'failed', 'dispatched', 'pending', 'unknown'] as const) {
    assert.deepEqual(await asked([denial], joined(state)), ['held', true], state);
  }
  assert.deepEqual(await asked([denial], { kind: 'crowded', pending: 0 }), ['standing', true]);
  // A pass that nobody has used stays as it is, and its seat is free for whoever comes back.
  assert.deepEqual(await asked([denial], joined('approved')), ['standing', true, 'jo_1']);
  assert.deepEqual(await asked([], joined('approved')), ['held', false]);
});

const config = (oauth: string): Config => {
  const parsed = parseConfig(
    `version: "1"
servers: { prometheus: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }
grants: [{ name: release-bot, servers: [prometheus], owner: none, token_sha256: "${'a'.repeat(64)}" }]
approvers: { security: [U0MIRA] }
${oauth}`,
    { path: '/x/holdfast.yaml', env: {} },
  );
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.config;
};

test('P6: a freeze names principals that can exist', () => {
  const known = (from: Config, name: string): boolean => {
    const loaded = { config: from, policies: new Map(), secrets: { adminToken: null }, settings: { publicUrl: null } };
    const rules = new LiveRules(loaded as unknown as Loaded, () => NOW, {
      has: () => false,
      refreshUnlessFresh: async () => {},
    });
    return rules.knows({ kind: 'grant', name });
  };
  const oauth = config(
    'oauth: { issuer: "https://login.example.com", match: sub, grants: [{ claim: groups, equals: eng, grant: release-bot }] }',
  );
  const account = {
    issuer: 'https://login.example.com',
    subject: 's1',
    email: null,
    scopes: new Set(),
    claims: { groups: ['eng'] },
  };
  const standing = agentStandingOf(oauth, account as unknown as AgentAccount);
  assert.ok(standing.kind === 'known');
  const principal = standing.principal.grant;
  const plain = config('');
  const names = [
    'release-bot',
    principal,
    'release-bot/',
    'release-bot/anything at all',
    `${principal}x`,
    'other',
    '/',
  ];
  assert.deepEqual(
    names.map((name) => known(oauth, name)),
    [true, true, false, false, false, false, false],
  );
  assert.deepEqual(
    names.map((name) => known(plain, name)),
    [true, false, false, false, false, false, false],
  );
});

test('P1: what a decision’s body asks for and no door acts on is refused, by its name', () => {
  const rules = { conditions: ownConditions };
  const allowance = { minutes: 5, calls: 1 };
  const standing = { minutes: 5 };
  const wrong = (body: object, choice: 'approve' | 'deny') =>
    advanceIn(body as never, choice, JSON.stringify(body), rules);
  assert.match(wrong({ allowance, standing }, 'approve') as string, /^standing goes with/);
  assert.match(wrong({ allowance, standing }, 'deny') as string, /^allowance goes with/);
  assert.deepEqual(wrong({ allowance: null, standing }, 'deny'), { standing });
  assert.equal(typeof wrong({ allowance, standing: null }, 'approve'), 'object');
  const typed = (text: string) => advanceIn(JSON.parse(text), 'approve', text, rules);
  const within = (value: string) => `[{"path":"args.amount","op":"lte","value":${value}}]`;
  assert.equal(typeof typed(`{"allowance":{"minutes":5,"calls":1,"within":${within('99.5')}}}`), 'object');
  for (const [text, says] of [
    // Each would be a wider bound than the one that was typed.
    [`{"allowance":{"minutes":5,"calls":1,"within":${within('99.99999999999999999')}}}`, /cannot keep the number/],
    [`{"allowance":{"minutes":5,"calls":1,"within":${within('9007199254740995')}}}`, /cannot keep the number/],
    ['{"allowance":{"minutes":5,"calls":1,"calls":90}}', /same member twice/],
  ] as const)
    assert.match(typed(text) as string, says, text);
  const known = ['decision', 'reason'];
  assert.equal(strangeMember({ decision: 'approve', reason: null, signature: null }, known), null);
  for (const name of ['counter', 'signature', 'Reason', '__proto__']) {
    const body = JSON.parse(`{"decision":"approve",${JSON.stringify(name)}:{"a":1}}`);
    assert.match(strangeMember(body, known) ?? 'none', new RegExp(`"${name}".*Send only decision, reason`));
  }
});
