import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approval, Approver } from '../../src/domain/approval/approval.ts';
import { judgeCounter, MOST_COUNTERS_IN_A_ROW } from '../../src/domain/approval/counter.ts';
import type { CounterOf } from '../../src/domain/approval/counter-of.ts';
import { type CurrentApprovers, STRANGERS } from '../../src/domain/approval/current.ts';
import type { CallFacts } from '../../src/domain/approval/facts.ts';
import { hasVoted } from '../../src/domain/approval/quorum.ts';
import { recount } from '../../src/domain/approval/recount.ts';
import { frozenParts } from '../../src/domain/approval/signing.ts';
import { isObject, type JsonObject } from '../../src/domain/json/json.ts';
import type { NewEvent } from '../../src/domain/log/event.ts';
import { NO_HISTORY } from '../../src/domain/policy/history.ts';
import { summaryText } from '../../src/domain/policy/summary.ts';
import { argumentForm } from '../../src/domain/tool/argument-form.ts';
import { beginDescribingProposal } from '../../src/gateway/call/describe-call.ts';
import { counterApproval } from '../../src/gateway/counter/propose.ts';
import { proposedCall } from '../../src/gateway/counter/proposed-call.ts';
import { voteOn } from '../../src/gateway/decision/decide.ts';
import { Describing } from '../../src/gateway/state/describing.ts';
import { frozenBytes } from '../../src/mcp/hold/frozen-call.ts';
import { FROZEN_CALLS } from '../../src/mcp/hold/proposed-call.ts';
import { counterView } from '../../src/slack/card/counter-view.ts';
import { type ActTerms, act } from '../../src/slack/click/act.ts';
import { currentOf, FINGERPRINT, OPENED, sampleApproval } from '../support/domain/approval.ts';
import { policyOf } from '../support/domain/policy.ts';

const MIRA: Approver = { id: 'U0MIRA', via: 'slack', userGroups: [] };
const AT = new Date(OPENED.getTime() + 60_000);
const PROPOSAL: CounterOf = { approval: 'ap_0', by: 'U0MIRA', via: 'slack', depth: 1, changes: [], more: 0 };

/** A counter-proposal with its proposer's vote, as it is committed. */
function proposed(
  different: Parameters<typeof sampleApproval>[0] = {},
  by: Approver = MIRA,
  today: Partial<CurrentApprovers> = {},
) {
  const approval = sampleApproval({ counterOf: PROPOSAL, ...different });
  const current = currentOf(approval, today);
  const vote = voteOn({ rules: { approvers: () => current } as never }, approval, by, AT, { pickupMs: 60_000 });
  return { approval, current, vote };
}

describe('A denial with another call', () => {
  test('P1: the vote of whoever proposes counts as any yes would, and else not at all', () => {
    const { vote, approval, current } = proposed();
    assert.deepEqual([vote?.to, vote?.events[0]?.data.proposed], ['approved', true]);
    assert.equal(proposed({ requirement: { quorum: 2 } }).vote?.to, 'pending');
    const none: [string, ReturnType<typeof proposed>][] = [
      ['the owner', proposed({ owner: 'U0MIRA' })],
      ['the owner of today', proposed({}, MIRA, { owner: 'U0MIRA' })],
      ['one who is no approver', proposed({ requirement: { people: ['U0ALEX'] } })],
      ['one who is none today', proposed({}, MIRA, { people: ['U0ALEX'] })],
      ['a call that has to be signed', proposed({ requirement: { stepUp: { origin: 'https://h.example' } } })],
      [
        'the admin token, which is nobody’s',
        proposed(
          { requirement: { admin: true } },
          { id: 'admin', via: 'api', userGroups: [] },
          {
            persons: { ...STRANGERS, adminToken: 'nobody' },
          },
        ),
      ],
    ];
    for (const [who, { vote: no }] of none) assert.equal(no, null, who);
    // By another way of the same person it does not count twice, and not any more once the person has left.
    const voted: Approval = { ...approval, decisions: [vote!.decision!] };
    const persons = { ...STRANGERS, names: new Map(['U0MIRA', 'mira@h.example'].map((way) => [way, 'mira'])) };
    assert.equal(hasVoted(voted, 'mira@h.example', persons), true);
    assert.equal(recount(voted, current, AT).missing.length, 0);
    assert.equal(recount(voted, { ...current, people: ['U0ALEX'] }, AT).missing.length, 1);
  });

  test('P1: nobody proposes for an own agent, for an answer to a server, or without end', () => {
    const depth = MOST_COUNTERS_IN_A_ROW;
    for (const [different, refusal] of [
      [{}, null],
      [{ owner: 'U0MIRA' }, 'counter_owner'],
      [{ owner: 'U0MIRA', selfApproval: true }, 'counter_owner'],
      [{ answersTo: 'ap_9' }, 'no_counter'],
      [{ counterOf: { ...PROPOSAL, depth } }, 'no_counter'],
      [{ counterOf: { ...PROPOSAL, depth: depth - 1 } }, null],
    ] as const) {
      const approval = sampleApproval(different);
      assert.equal(judgeCounter(approval, MIRA, currentOf(approval)), refusal, JSON.stringify(different));
    }
  });

  test('P10: what is signed covers whose proposal it is', () => {
    const plain = sampleApproval();
    assert.notEqual(frozenParts(plain), frozenParts({ ...plain, counterOf: PROPOSAL }));
    assert.notEqual(
      frozenParts({ ...plain, counterOf: PROPOSAL }),
      frozenParts({ ...plain, counterOf: { ...PROPOSAL, by: 'U0ALEX' } }),
    );
  });

  test('P10: what is unusual of a proposed call is found out, and its server is not asked', async () => {
    const kept: CallFacts[] = [];
    const events: (NewEvent | null)[] = [];
    const known = Array.from({ length: 9 }, () => ({
      at: OPENED.getTime(),
      destinations: { 'args.to': 'ops' },
      amounts: {},
    }));
    const opened = sampleApproval({ counterOf: PROPOSAL, arguments: { to: 'elsewhere' } });
    const gateway = {
      ...{ clock: { now: () => AT }, describing: new Describing(), vault: {}, log: { warn: assert.fail } },
      store: {
        find: async () => opened,
        earlierAsked: async () => ({ known, unknown: 0, more: false, unapproved: 0 }),
        keepFacts: async (_: string, facts: CallFacts, event: NewEvent | null) => {
          kept.push(facts);
          events.push(event);
          return true;
        },
      },
    };
    const preview = { tool: 'list_keys', args: null };
    await beginDescribingProposal(gateway as never, opened.id, { usual: null, preview });
    await beginDescribingProposal(gateway as never, opened.id, { usual: null, preview: null });
    for (const { unusual } of kept) assert.match(unusual.map(summaryText).join(), /New: args\.to is elsewhere/);
    assert.deepEqual(
      kept.map((facts) => facts.preview?.kind ?? null),
      ['none', null],
    );
    assert.deepEqual(
      events.map((event) => event?.type ?? null),
      ['approval.described', null],
    );
  });

  test('P3: what may not be denied is not denied without its proposal a moment later', async () => {
    const approval = sampleApproval({ requirement: { people: ['U0ALEX'] } });
    const events: string[] = [];
    let looks = 0;
    const gateway = {
      clock: { now: () => AT },
      // Who may decide changes between two looks.
      rules: { approvers: () => currentOf(sampleApproval(), { people: looks++ === 0 ? ['U0ALEX'] : ['U0MIRA'] }) },
      store: {
        find: async () => (looks === 0 ? approval : sampleApproval()),
        append: async (all: readonly { type: string }[]) => void events.push(...all.map(({ type }) => type)),
        commit: () => assert.fail('nothing is committed'),
      },
    };
    const request = { reason: null, fingerprint: FINGERPRINT, counter: { name: 'x' } };
    const countered = await counterApproval(
      gateway as never,
      approval.id,
      request,
      { ...MIRA, via: 'api' },
      { pickupMs: 1 },
    );
    assert.equal(countered.kind === 'refused' && countered.reason, 'not_an_approver');
    assert.deepEqual(events, ['approval.refused']);
  });
});

describe('The call that is proposed', () => {
  const held = { token: 'hunter2', token_scope: 'all', seed: 'abc', to: 'ops' };
  const shown = { ...held, token: '[redacted]', seed: '[redacted]' };

  /** Proposes these arguments in place of a call whose token and seed were hidden. */
  function propose(args: JsonObject, tools: object, faults: readonly { path: string; why: string }[] = []) {
    const policy = policyOf({ tools: { create_api_key: { action: 'require_approval', ...tools } } });
    const approval = sampleApproval({ arguments: shown });
    const params = { name: approval.tool, arguments: held };
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const bytes = frozenBytes({ idText: '1', session: null, headers: {}, text });
    const gateway = {
      clock: { now: () => AT },
      frozenCalls: FROZEN_CALLS,
      callMemory: { historyFor: async () => NO_HISTORY },
      knownInAdvance: { denialsAt: () => [] },
      store: { request: async () => bytes, peek: async () => null },
      vault: {
        open: () => bytes,
        seal: (_: string, __: string, all: Uint8Array) => all,
        fingerprints: (material: object) => [JSON.stringify(material)],
      },
      rules: {
        policy: () => policy,
        principal: () => ({ grant: approval.grant, owner: approval.owner, selfApproval: false }),
        approval: { maxBytes: 1_000_000 },
        argumentFaults: () => faults,
        upstream: (server: string) => server,
        requirement: () => approval.requirement,
        persons: () => STRANGERS,
      },
    };
    return proposedCall(gateway as never, approval, args, MIRA);
  }
  const REDACTS = { redact: ['args.seed', 'args.token'] };

  test('P8: what is hidden is sent as it was, and is not bared by a policy that hides less by now', async () => {
    const args = { ...shown, to: 'dev' };
    const good = await propose(args, REDACTS);
    assert.equal(good.kind, 'proposed');
    if (good.kind !== 'proposed') return;
    assert.deepEqual({ ...(good.request.approval.arguments as JsonObject) }, args);
    const sent = FROZEN_CALLS.read(good.request.request, { grant: 'g', owner: null, selfApproval: false }, 's').args;
    assert.deepEqual(sent, { ...held, to: 'dev' });
    const bared = await propose(args, { redact: ['args.token'] });
    assert.match(bared.kind === 'refused' ? bared.why : bared.kind, /^seed: .*would be shown now/);
    const hidden = await propose({ ...args, password: 'x' }, REDACTS);
    assert.match(hidden.kind === 'refused' ? hidden.why : hidden.kind, /^password: .*would be hidden/);
  });

  test('what is wrong with another argument is told, whatever its name begins with', async () => {
    const at = async (path: string) => {
      const { kind } = await propose({ ...shown, to: 'dev' }, REDACTS, [{ path, why: 'is too wide' }]);
      return kind;
    };
    assert.deepEqual(await Promise.all(['token', 'token.x', 'token[0]', 'token_scope'].map(at)), [
      ...['proposed', 'proposed', 'proposed'],
      'refused',
    ]);
  });
});

describe('The form of a counter-proposal in Slack', () => {
  const from = { channel: 'C1', ts: '1.5' };

  test('P10: the proposal is no yes where card and form do not show all of the call', async () => {
    const cases: [what: string, approval: Approval, inDigest: boolean, unseen: boolean][] = [
      ['a short call', sampleApproval(), false, false],
      ['a call in a digest', sampleApproval(), true, true],
      ['a long call', sampleApproval({ arguments: { text: 'x'.repeat(20_000), role: 'editor' } }), false, true],
      [
        'a call that sends more than fits',
        sampleApproval({ sent: { params: {}, meta: { note: 'y'.repeat(20_000) }, headers: {} } }),
        false,
        true,
      ],
    ];
    for (const [what, approval, inDigest, unseen] of cases) {
      const asked: { unseen?: boolean }[] = [];
      const terms = {
        clock: { now: () => AT },
        approvers: () => currentOf(approval),
        counters: {
          schema: () => null,
          propose: async (_: string, request: { unseen?: boolean }) => {
            asked.push(request);
            return { kind: 'not_found' };
          },
        },
      } as unknown as Parameters<typeof act>[0] & ActTerms;
      const admitted = {
        kind: 'admitted',
        approval,
        approver: MIRA,
        from,
        seen: null,
        recalled: false,
        inDigest,
      } as const;
      const value = { approval: approval.id, fingerprint: FINGERPRINT };
      const typed = { fields: [], json: '{"name":"smaller"}' };
      const who = {} as never;
      await act(terms, { kind: 'counter', choice: 'deny', reason: null, typed, value, from }, admitted, who);
      assert.deepEqual(
        asked.map((request) => request.unseen),
        [unseen],
        what,
      );
      const opened = await act(terms, { kind: 'open_counter_form', choice: 'deny', value, from }, admitted, who);
      const text = JSON.stringify(opened);
      assert.match(text, unseen ? /you have not approved it with this/ : /your vote for it counts/, what);
    }
  });

  test('P10: it warns of what is hidden though no policy says so, and is not longer than Slack takes', () => {
    const hidden = sampleApproval({ arguments: { token: '[redacted]', n: 1 }, hidden: { byPolicy: 0, byName: 1 } });
    const view = counterView(hidden, from, argumentForm(null, hidden.arguments as never), true);
    assert.match(JSON.stringify(view), /and not by the policy/);
    const rest = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`a${n}`, { x: 'y'.repeat(100) }]));
    const long = sampleApproval({ arguments: rest });
    const notice = counterView(long, from, argumentForm(null, rest), true);
    assert.match(JSON.stringify(notice), /longer than a form in Slack/);
    assert.equal(isObject(notice) && 'submit' in notice, false);
  });
});
