import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Approval, BrokenField, Decision } from '../../../src/domain/approval/approval.ts';
import type { Take } from '../../../src/domain/policy/limit.ts';
import { approvalJson } from '../../../src/web/api/approval-json.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  change,
  eventOf,
  newApproval,
  newJoiner,
  open,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

/** What somebody with the database changes in the row of a pending approval, and which field then shows it. */
const TAMPERINGS: readonly (readonly [string, BrokenField])[] = [
  [`state = 'approved', pickup_until = now() + interval '1 hour'`, 'state'],
  [`state = 'dispatched'`, 'state'],
  [`state = 'denied'`, 'state'],
  ['state_revision = 7', 'state'],
  ['state_revision = 0', 'state'],
  [`arguments = '{"name":"harmless"}'`, 'arguments'],
  [`arguments = ' {"name":"ci-deploy","role":"editor","expires_in_days":30}'`, 'arguments'],
  [`sent = '{"params":{},"meta":{"x":1},"headers":{}}'`, 'arguments'],
  [`hidden = '{"byPolicy":0,"byName":9}'`, 'arguments'],
  [`trace = '{"rule":"x","risk":"read","severity":"low","reason":null,"steps":[]}'`, 'arguments'],
  [`shown_digest = repeat('0', 64)`, 'arguments'],
  [`requirement = '{"groups":[],"people":["U0STRANGER"],"userGroups":[],"admin":true,"quorum":1}'`, 'requirement'],
  [`tool = 'list_keys'`, 'requirement'],
  [`server = 'other'`, 'requirement'],
  [`grant_name = 'other'`, 'requirement'],
  [`owner = 'U0OTHER'`, 'requirement'],
  ['owner = null', 'requirement'],
  ['self_approval = true', 'requirement'],
  [`fingerprint = repeat('1', 64)`, 'requirement'],
  [`stated_reason = 'only a test'`, 'requirement'],
  [`previous_unknown = 'ap_x'`, 'requirement'],
  [`policy_digest = 'other'`, 'requirement'],
  [`answers_to = 'ap_x'`, 'requirement'],
  [`counter_of = '{"approval":"ap_x","by":"U0STRANGER","via":"slack","depth":1,"changes":[],"more":0}'`, 'requirement'],
  [`asked = '{"kind":"result","n":1}'`, 'requirement'],
  [`created_at = created_at - interval '1 day'`, 'requirement'],
  [`expires_at = expires_at + interval '1 day'`, 'requirement'],
  [`later_reasons = '["a later caller said so"]'`, 'reasons'],
  [`answers = '[{"at":"2026-01-01T00:00:00.000Z","leg":"ap_x","digest":"00","text":"forged"}]'`, 'answers'],
  [`answers = '["no answer at all"]'`, 'answers'],
  [`frozen_seal = null`, 'requirement'],
  [`frozen_seal = state_seal`, 'requirement'],
  [`state_seal = frozen_seal`, 'state'],
  [`frozen_seal = null, state_seal = null`, 'unsealed'],
];

/** The columns of an approval that no seal of the row covers, and why nothing is believed because of them. */
const UNSEALED: Readonly<Record<string, string>> = {
  id: 'every seal names it',
  revision: 'says only which change comes next; the one of the state is sealed',
  request: 'the call’s bytes, which the vault seals for this approval',
  result: 'the answer’s bytes, which the vault seals for this approval',
  result_until: 'how long the answer is kept',
  shown: 'the newest revision that a card showed: says only which cards are behind',
  pickup_until: 'part of the seal of an approved state',
  awaits: 'part of the seal of a dispatched state',
  questions: 'part of the seal of a dispatched state',
  lease_until: 'a running call becomes unknown by it, and nothing runs by it',
  dispatcher: 'which process sends the call; its lease decides',
  note: 'words; docs/security.md names them among what remains',
  updated_at: 'shown, and decides nothing',
  reminded_at: 'whether a reminder was sent',
  escalated_at: 'whether the further approvers were told; the requirement says from when they count',
  reasons_seal: 'the seal of the later reasons',
  facts: 'begins with a seal of its own',
  particulars: 'begins with a seal of its own',
};

const TAKE: Take = {
  ...{ server: '*', counter: 'all', scope: 'global', scopeValue: '*', window: { seconds: 60 }, max: '1000', by: '1' },
};

function vote(approver: string, choice: Decision['choice'] = 'approve'): Decision {
  return { approver, choice, reason: 'half a pair \ud83d', via: 'slack', self: false, userGroup: null, at: new Date() };
}

/** What a vote's row has where a passkey signed it. */
const SIGNED = JSON.stringify({
  ...{ v: 1, key: 'k', nonce: 'n', frozen: '0'.repeat(64), authenticatorData: 'a', clientData: 'c', signature: 's' },
});

for (const kind of STORES) {
  describe(`seals on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world.close());

    const tamper = (id: string, set: string) => world.rows(`update holdfast.approvals set ${set} where id = '${id}'`);
    const read = async (id: string): Promise<Approval> => (await world.one.find(id))!;

    test('P1: what the gateway writes fits its seals, through every state and every caller who joins', async () => {
      const request = newApproval({ statedReason: 'half a pair \ud83d', owner: null });
      let { approval } = await opened(world.one, request);
      const seen = [approval];
      const step = async (...to: Parameters<typeof change>) => {
        const committed = await world.one.commit(change(...to));
        assert.equal(committed.kind, 'committed');
        if (committed.kind === 'committed') approval = committed.approval;
        seen.push(approval);
      };
      const joined = {
        ...request,
        approval: { ...request.approval, id: `ap_${randomHex(13)}`, statedReason: 'why \udc00' },
      };
      const second = await open(world.one, joined, newJoiner({ session: 'another' }));
      assert.equal(second.kind, 'joined');
      approval = await read(approval.id);
      await step(approval, 'pending', { decision: vote('U0MIRA') });
      await step(approval, 'approved', { decision: vote('U0ALEX') });
      await step(approval, 'dispatched');
      await step(approval, 'approved');
      await step(approval, 'dispatched');
      await step(approval, 'unknown');
      await step(approval, 'succeeded');
      seen.push(await read(approval.id), (await world.one.look(approval.id))!.approval);
      assert.deepEqual(
        seen.map(({ broken }) => broken),
        seen.map(() => null),
      );
    });

    test('every column of an approval is sealed, or said to decide nothing', async () => {
      const columns = await world.rows(
        `select column_name as name from information_schema.columns
         where table_schema = 'holdfast' and table_name = 'approvals'`,
      );
      const sealed = new Set(
        TAMPERINGS.flatMap(([set]) => [...set.matchAll(/(?:^|, )(\w+) = /g)].map(([, name]) => name)),
      );
      const unheard = columns
        .map(({ name }) => String(name))
        .filter((name) => !sealed.has(name) && !(name in UNSEALED));
      assert.deepEqual(unheard, []);
    });

    for (const [set, field] of TAMPERINGS) {
      test(`P1: a row is not believed after: ${set}`, async () => {
        const { approval } = await opened(world.one);
        await tamper(approval.id, set);
        assert.equal((await read(approval.id)).broken, field);
        const listed = await world.one.list({ limit: 100 });
        assert.equal(listed.items.find(({ id }) => id === approval.id)?.broken, field);
      });
    }

    test('P2: a call that runs is not believed to wait for an answer that no gateway waits for', async () => {
      const { approval } = await opened(world.one);
      const running = await through(world.one, approval, 'approved', 'dispatched');
      assert.equal((await read(approval.id)).broken, null);
      await tamper(approval.id, `awaits = 'input', questions = 1`);
      assert.equal((await read(approval.id)).broken, 'state');
      await tamper(approval.id, `awaits = null, questions = 0`);
      const patch = { awaits: 'input', questions: 1 } as const;
      const asked = await world.one.commit(change(running, 'dispatched', { patch, events: [] }));
      assert.equal(asked.kind === 'committed' && asked.approval.broken, null);
      for (const set of ['questions = 0', 'awaits = null', `awaits = 'task'`]) {
        await tamper(approval.id, set);
        assert.equal((await read(approval.id)).broken, 'state', set);
        assert.ok((await world.one.doubtful(100)).includes(approval.id));
        await tamper(approval.id, `awaits = 'input', questions = 1`);
        assert.equal((await read(approval.id)).broken, null);
      }
    });

    test('P1: an answer that no agent gave is not shown, nor one that was changed or is of another call', async () => {
      const given = { at: new Date().toISOString(), leg: null, digest: '00', text: 'half a pair \ud83d' };
      const answered = async (): Promise<Approval> => {
        const { approval } = await opened(world.one);
        const running = await through(world.one, approval, 'approved', 'dispatched');
        const committed = await world.one.commit(change(running, 'dispatched', { given, events: [] }));
        assert.ok(committed.kind === 'committed' && committed.approval.broken === null);
        return committed.approval;
      };
      const [approval, another] = [await answered(), await answered()];
      assert.deepEqual((await read(approval.id)).answers, [{ ...given, text: given.text.toWellFormed() }]);
      for (const set of [
        `answers = jsonb_set(answers, '{0,text}', '"yes"')`,
        `answers = jsonb_set(answers, '{0,leg}', '"ap_x"')`,
        `answers = answers || '[{"at":"2026-01-01T00:00:00.000Z","leg":null,"digest":"00","text":"forged"}]'`,
        `answers = (select b.answers from holdfast.approvals b where b.id = '${another.id}')`,
      ]) {
        const before = await world.rows(
          `select answers::text as answers from holdfast.approvals where id = '${approval.id}'`,
        );
        await tamper(approval.id, set);
        assert.equal((await read(approval.id)).broken, 'answers', set);
        await tamper(approval.id, `answers = '${String(before[0]!.answers)}'`);
        assert.equal((await read(approval.id)).broken, null);
      }
      const ended = await through(world.one, await read(approval.id), 'succeeded');
      assert.equal(ended.answers.length, 1);
      await tamper(
        approval.id,
        `answers = answers || '[{"at":"2026-01-01","leg":null,"digest":"00","text":"forged"}]'`,
      );
      assert.deepEqual(
        (await read(approval.id)).answers,
        ended.answers,
        'what has no seal is left out of what has ended',
      );
    });

    test('P1: a vote that no gateway recorded is not believed, nor one that was changed, moved or deleted', async () => {
      const row = (id: string, what: string) => `
        insert into holdfast.decisions (approval_id, approver, choice, reason, via, self, user_group, at, seal)
        select '${id}', ${what} from holdfast.decisions where approver = 'U0MIRA' limit 1`;
      const fresh = async (): Promise<Approval> => {
        const { approval } = await opened(world.one, newApproval({ requirement: { ...quorumOfTwo } }));
        const voted = await world.one.commit(change(approval, 'pending', { decision: vote('U0MIRA') }));
        assert.equal(voted.kind, 'committed');
        return read(approval.id);
      };
      const quorumOfTwo = { ...newApproval().approval.requirement, quorum: 2 };
      const forms: readonly (readonly [string, (id: string) => string])[] = [
        ['another person', (id) => row(id, `'U0ALEX', choice, reason, via, self, user_group, at, seal`)],
        ['no seal', (id) => row(id, `'U0ALEX', 'approve', null, 'slack', false, null, now(), null`)],
        ['changed', (id) => `update holdfast.decisions set choice = 'deny' where approval_id = '${id}'`],
        [
          'a signature beside it',
          (id) => `update holdfast.decisions set signature = '${SIGNED}' where approval_id = '${id}'`,
        ],
        ['no JSON beside it', (id) => `update holdfast.decisions set signature = 'x' where approval_id = '${id}'`],
        ['other reason', (id) => `update holdfast.decisions set reason = 'fine' where approval_id = '${id}'`],
      ];
      for (const [name, statement] of forms) {
        const { id } = await fresh();
        await world.rows(statement(id));
        assert.equal((await read(id)).broken, 'decisions', name);
      }
      const [one, other] = [await fresh(), await fresh()];
      await world.rows(`delete from holdfast.decisions where approval_id = '${other.id}'`);
      await world.rows(`update holdfast.decisions set approval_id = '${other.id}' where approval_id = '${one.id}'`);
      assert.equal((await read(other.id)).broken, 'decisions', 'moved');
      const whole = await fresh();
      const approved = await world.one.commit(change(whole, 'approved', { decision: vote('U0ALEX') }));
      assert.equal(approved.kind === 'committed' && approved.approval.broken, null);
      await world.rows(`delete from holdfast.decisions where approval_id = '${whole.id}' and approver = 'U0MIRA'`);
      assert.equal((await read(whole.id)).broken, 'decisions', 'deleted after the quorum');
    });

    test('P1: by what a vote counts is sealed with it: no other group, no other absence, no later end', async () => {
      const { requirement } = newApproval().approval;
      const circle = { people: ['U0MIRA'], userGroups: [], admin: false };
      const places = ['security', 'dba'].map((group) => ({ group, count: 1, ...circle }));
      const standIn = { group: 'security', for: 'U0SAM', by: 'U0MIRA', until: '2026-08-01T10:00:00.000Z' };
      const rights = [{ group: 'security', userGroup: 'S0SEC', standIn }];
      const { approval } = await opened(world.one, newApproval({ requirement: { ...requirement, quorum: 2, places } }));
      await world.one.commit(change(approval, 'pending', { decision: { ...vote('U0MIRA'), rights } }));
      const voted = await read(approval.id);
      assert.equal(voted.broken, null);
      assert.deepEqual(voted.decisions[0]!.rights, rights);
      const text = JSON.stringify([['security', 'S0SEC', ['security', 'U0SAM', 'U0MIRA', standIn.until]]]);
      const forged = [
        text.replace('"security"', '"dba"'),
        text.replace('U0SAM', 'U0LEA'),
        text.replace('2026', '2027'),
        text.replace('S0SEC', 'S0EVE'),
        text.replaceAll(',', ', '),
        '[]',
        'null',
        '5',
        '[[1]]',
        '{',
        null,
      ];
      for (const other of forged) {
        const set = (value: string | null) => (value === null ? 'null' : `'${value}'`);
        await world.rows(`update holdfast.decisions set rights = ${set(other)} where approval_id = '${approval.id}'`);
        assert.equal((await read(approval.id)).broken, 'decisions', String(other));
        await world.rows(`update holdfast.decisions set rights = ${set(text)} where approval_id = '${approval.id}'`);
        assert.equal((await read(approval.id)).broken, null);
      }
    });

    test('P1: places and stand-ins that somebody else wrote are not read, whatever form they have', async () => {
      const { requirement } = newApproval().approval;
      const forms = [5, null, {}, [null], [{ group: 1, count: 'x' }], 'x'];
      for (const form of forms) {
        const { approval } = await opened(world.one, newApproval({ requirement }));
        const escalate = {
          afterMs: 1,
          groups: [],
          people: [],
          userGroups: [],
          admin: false,
          standIns: form,
          anyPlace: form,
        };
        const forged = { ...requirement, places: form, standIns: form, names: null, escalate };
        await world.rows(
          `update holdfast.approvals set requirement = '${JSON.stringify(forged)}' where id = '${approval.id}'`,
        );
        const seen = await read(approval.id);
        assert.equal(seen.broken, 'requirement');
        const shown = approvalJson(seen).requirement;
        assert.deepEqual([shown.places, shown.standIns, shown.missing.length], [[], [], 1], JSON.stringify(form));
      }
    });

    test('P1: a pass whose groups’ places are not all filled any more has lost a vote, however many are left', async () => {
      const { requirement } = newApproval().approval;
      const circle = { people: ['U0MIRA', 'U0ALEX', 'U0DAN'], userGroups: [], admin: false };
      const places = ['security', 'dba'].map((group) => ({ group, count: 1, ...circle }));
      const { approval } = await opened(world.one, newApproval({ requirement: { ...requirement, quorum: 2, places } }));
      const of = (group: string) => ({ rights: [{ group, userGroup: null, standIn: null }] });
      let last = approval;
      for (const [who, group, to] of [
        ['U0MIRA', 'security', 'pending'],
        ['U0ALEX', 'security', 'pending'],
        ['U0DAN', 'dba', 'approved'],
      ] as const) {
        const done = await world.one.commit(change(last, to, { decision: { ...vote(who), ...of(group) } }));
        assert.equal(done.kind, 'committed');
        last = await read(approval.id);
        assert.equal(last.broken, null, who);
      }
      await world.rows(`delete from holdfast.decisions where approval_id = '${approval.id}' and approver = 'U0DAN'`);
      assert.equal((await read(approval.id)).broken, 'decisions');
    });

    test('P1: a commit holds only while the row has the seals of what was read', async () => {
      const { approval } = await opened(world.one);
      const { approval: other } = await opened(world.one);
      await world.rows(`update holdfast.approvals a set frozen_seal = b.frozen_seal
        from holdfast.approvals b where a.id = '${approval.id}' and b.id = '${other.id}'`);
      const believed = { believed: approval.seal };
      const [alone, both] = [
        await world.one.commit(change(approval, 'approved', { decision: vote('U0MIRA'), ...believed })),
        await world.one.commitBoth(
          change(approval, 'approved', { decision: vote('U0MIRA'), ...believed }),
          change({ ...approval, state: 'approved', revision: approval.revision + 1 }, 'dispatched'),
        ),
      ];
      assert.deepEqual([alone.kind, both.kind], ['conflict', 'conflict']);
    });

    test('P2: a true row that was put back after its pass was spent is told apart by the log itself', async () => {
      const cases = (['pending', 'approved'] as const).flatMap((from) =>
        (['dispatched', 'succeeded'] as const).map((last) => ({ from, last })),
      );
      for (const { from, last } of cases) {
        const { approval } = await opened(world.one);
        const copy = `copy_${randomHex(4)}`;
        const keep = () =>
          world.rows(`create table ${copy} as select * from holdfast.approvals where id = '${approval.id}'`);
        if (from === 'pending') await keep();
        let now = approval;
        for (const to of ['approved', 'dispatched', 'succeeded'] as const) {
          if (now.state === last) break;
          const decision = to === 'approved' ? { decision: vote('U0MIRA') } : {};
          const committed = await world.one.commit(change(now, to, decision));
          assert.equal(committed.kind, 'committed');
          if (committed.kind === 'committed') now = committed.approval;
          if (to === from) await keep();
        }
        await world.rows(`delete from holdfast.approvals where id = '${approval.id}'`);
        await world.rows(`insert into holdfast.approvals select * from ${copy}`);
        const back = await read(approval.id);
        assert.equal(back.state, from);
        const again =
          from === 'approved'
            ? await world.one.commit(change(back, 'dispatched', { believed: back.seal }))
            : await world.one.commitBoth(
                change(back, 'approved', { decision: vote('U0ALEX') }),
                change({ ...back, state: 'approved', revision: back.revision + 1 }, 'dispatched'),
              );
        assert.equal(again.kind, 'spent');
        await world.rows(`drop table ${copy}`);
      }
    });

    const approved = async (): Promise<Approval> => {
      const { approval } = await opened(world.one);
      const committed = await world.one.commit(change(approval, 'approved', { decision: vote('U0MIRA') }));
      assert.equal(committed.kind, 'committed');
      return read(approval.id);
    };
    /** Copies the row; the function that is returned puts it back. */
    const keep = async (id: string): Promise<() => Promise<void>> => {
      const copy = `copy_${randomHex(4)}`;
      await world.rows(`create table ${copy} as select * from holdfast.approvals where id = '${id}'`);
      return async () => {
        const columns = 'state revision state_revision state_seal pickup_until request awaits questions note';
        const set = columns.split(' ').map((column) => `${column} = b.${column}`);
        await world.rows(
          `update holdfast.approvals a set ${set.join(', ')}, dispatcher = null from ${copy} b where a.id = b.id`,
        );
        await world.rows(`drop table ${copy}`);
      };
    };
    /** A call that was sent, with its row put back to the unspent pass that it was. */
    const putBack = async (more: { readonly returned?: boolean } = {}): Promise<Approval> => {
      let now = await approved();
      if (more.returned) now = await through(world.one, now, 'dispatched', 'approved');
      const back = await keep(now.id);
      await through(world.one, now, 'dispatched');
      await back();
      return read(now.id);
    };
    const EVENT = 'body, type, at, approval_id, server, tool, grant_name, actor, seal';
    const copyEvent = (of: string, type: string, columns = EVENT) =>
      `insert into holdfast.events (${EVENT}) select ${columns} from holdfast.events
        where approval_id = '${of}' and type = '${type}' order by n limit 1`;

    test('P2: a pass that came back is good again, as often as it came back', async () => {
      const now = await through(world.one, await approved(), 'dispatched', 'approved', 'dispatched', 'approved');
      assert.equal((await world.one.commit(change(now, 'dispatched', { believed: now.seal }))).kind, 'committed');
    });

    const HIDDEN: readonly (readonly [string, boolean, (id: string) => Promise<readonly string[]>])[] = [
      [
        'taken from it',
        false,
        async (id) => [`update holdfast.events set approval_id = null where approval_id = '${id}'`],
      ],
      [
        'given to another approval',
        false,
        async (id) => [
          `update holdfast.events set approval_id = 'ap_x' where approval_id = '${id}' and type = 'call.dispatched'`,
        ],
      ],
      [
        'called a return',
        false,
        async (id) => [
          `update holdfast.events set type = 'call.returned' where approval_id = '${id}' and type = 'call.dispatched'`,
        ],
      ],
      [
        'followed by the return of another call',
        false,
        async (id) => {
          const { id: other } = await putBack({ returned: true });
          return [copyEvent(other, 'call.returned', EVENT.replace('approval_id', `'${id}'`))];
        },
      ],
      ['followed by its own return, once more', true, async (id) => [copyEvent(id, 'call.returned')]],
      [
        'followed by a return that no gateway wrote',
        true,
        async (id) => [copyEvent(id, 'call.returned', `replace(body, '"f"', '"g"'), ${EVENT.slice('body, '.length)}`)],
      ],
      [
        'followed by a return without a seal',
        false,
        async (id) => [
          copyEvent(
            id,
            'call.dispatched',
            `replace(body, 'call.dispatched', 'call.returned'), 'call.returned', ${EVENT.slice('body, type, '.length).replace('seal', 'null')}`,
          ),
        ],
      ],
    ];
    for (const [name, returned, hide] of HIDDEN) {
      test(`P2: a spent pass stays spent when its sending is ${name}`, async () => {
        const back = await putBack({ returned });
        assert.equal(back.broken, null);
        for (const statement of await hide(back.id)) await world.rows(statement);
        const spend = change(back, 'dispatched', { believed: back.seal });
        assert.equal((await world.one.commit(spend)).kind, 'spent');
        const counted = { ...spend, gives: [], takes: [TAKE] };
        assert.equal((await world.one.commit(counted)).kind, 'spent', 'in a transaction');
        assert.equal((await read(back.id)).state, 'approved');
      });
    }

    test('P1: a question that was denied is decided no second time, whatever is done to the columns of its events', async () => {
      const { approval } = await opened(world.one);
      const { id } = approval;
      const putItBack = await keep(id);
      const no = { ...eventOf('approval.decided', approval), data: { choice: 'deny', state: 'denied' } };
      const denied = await world.one.commit(
        change(approval, 'denied', { decision: vote('U0MIRA', 'deny'), events: [no] }),
      );
      assert.equal(denied.kind, 'committed');
      await putItBack();
      await world.rows(`delete from holdfast.decisions where approval_id = '${id}'`);
      await world.rows(`update holdfast.events set approval_id = null, type = 'x' where approval_id = '${id}'`);
      const back = await read(id);
      assert.deepEqual([back.broken, back.state], [null, 'pending']);
      assert.equal((await world.one.commit(change(back, 'approved', { decision: vote('U0ALEX') }))).kind, 'spent');
    });

    test('P1: a call that has ended goes on with no answer, whatever is done to the columns of its events', async () => {
      const running = await through(world.one, await approved(), 'dispatched');
      const { id } = running;
      const patch = { awaits: 'input', questions: 1 } as const;
      const asked = await world.one.commit(change(running, 'dispatched', { patch, events: [] }));
      assert.equal(asked.kind, 'committed');
      const putItBack = await keep(id);
      await through(world.one, await read(id), 'succeeded');
      await putItBack();
      await world.rows(`update holdfast.events set approval_id = null, type = 'x' where approval_id = '${id}'`);
      const back = await read(id);
      assert.deepEqual([back.broken, back.awaits], [null, 'input']);
      const goesOn = change(back, 'dispatched', { patch: { awaits: null, dispatcher: 'somebody' }, events: [] });
      assert.equal((await world.one.commit(goesOn)).kind, 'spent');
    });

    test('P7: an event that no gateway sealed is never chained, and is named once', async () => {
      while ((await world.one.seal(500)).chained > 0);
      const id = `ap_${randomHex(13)}`;
      await world.one.refund([], eventOf('call.refunded', { id }));
      const columns = 'body, type, at, approval_id, server, tool, grant_name, actor';
      const copy = (seal: string, body = 'body') => `insert into holdfast.events (${columns}, seal)
        select ${columns.replace('body', body)}, ${seal} from holdfast.events where approval_id = '${id}' limit 1`;
      await world.rows(copy('null'));
      await world.rows(copy(`'1' || repeat('0', 40)`));
      await world.rows(copy('seal', `replace(body, '"actor":"test"', '"actor":"slack:U0MIRA"')`));
      await world.rows(copy('seal'));
      const run = await world.one.seal(500);
      assert.deepEqual([run.chained, run.foreign.map(({ field }) => field)], [1, ['body', 'body', 'body', 'seal']]);
      assert.deepEqual(await world.one.seal(500), { chained: 0, foreign: [], retired: [] });
      const events = await world.one.events({ after: 0, limit: 10, approval: id });
      assert.deepEqual(
        events.map(({ seq, doubt }) => [seq !== null, doubt]),
        // What its text and its columns say of the last two is no lie; only the sealer tells a copy.
        [
          [true, undefined],
          [false, 'body'],
          [false, 'body'],
          [false, 'body'],
          [false, undefined],
        ],
      );
    });

    test('P7: an event is chained once, however it is copied, and although the first one is changed', async () => {
      while ((await world.one.seal(500)).chained > 0);
      const fresh = async (): Promise<string> => {
        const id = `ap_${randomHex(13)}`;
        await world.one.append([eventOf('call.refunded', { id })]);
        await world.one.seal(500);
        return id;
      };
      const alike = eventOf('call.refunded', { id: `ap_${randomHex(13)}` });
      await world.one.refund([], alike);
      await world.one.refund([], alike);
      assert.equal((await world.one.seal(500)).chained, 2, 'two events may say the same');
      for (const hide of [
        '',
        `seal = '1' || repeat('0', 56)`,
        'seal = null',
        `approval_id = null, type = 'x', at = now(), n = default`,
      ]) {
        const id = await fresh();
        await world.rows(copyEvent(id, 'call.refunded'));
        if (hide !== '')
          await world.rows(`update holdfast.events set ${hide} where approval_id = '${id}' and seq is not null`);
        const run = await world.one.seal(500);
        assert.deepEqual([run.chained, run.foreign.map(({ field }) => field)], [0, ['seal']], hide);
      }
    });

    test('P7: an event whose columns say something else than its text is not chained, and is shown as it was written', async () => {
      while ((await world.one.seal(500)).chained > 0);
      for (const set of [
        'approval_id = null',
        `approval_id = 'ap_other'`,
        `type = 'call.allowed'`,
        `at = at - interval '1 day'`,
        `server = 'other'`,
        `tool = 'other'`,
        `grant_name = 'other'`,
        `actor = 'slack:U0OTHER'`,
        'phrase = 7',
      ]) {
        const id = `ap_${randomHex(13)}`;
        await world.one.refund([], eventOf('call.refunded', { id, server: 's', tool: 't', grant: 'g' }));
        await world.rows(`update holdfast.events set ${set} where approval_id = '${id}'`);
        const run = await world.one.seal(500);
        assert.deepEqual([run.chained, run.foreign.map(({ field }) => field)], [0, ['columns']], set);
        const [event] = await world.one.events({ after: 0, limit: 10, approval: id });
        assert.deepEqual([event?.type, event?.actor, event?.server], ['call.refunded', 'test', 's'], set);
        if (!set.startsWith('phrase')) assert.equal(event?.doubt, 'columns', set);
      }
    });

    test('P1: nothing that another log has sealed under the same secret fits', async () => {
      const { approval } = await opened(
        world.one,
        newApproval({ requirement: { ...newApproval().approval.requirement, quorum: 2 } }),
      );
      await world.one.commit(change(approval, 'pending', { decision: vote('U0MIRA') }));
      assert.equal((await read(approval.id)).broken, null);
      TEST_SEALS.bind('log_another');
      try {
        assert.equal((await read(approval.id)).broken, 'requirement');
        await world.one.refund([], eventOf('call.refunded', { id: approval.id }));
      } finally {
        TEST_SEALS.bind('');
      }
      assert.equal((await read(approval.id)).broken, null);
      assert.deepEqual(
        (await world.one.seal(5_000)).foreign.map(({ field }) => field),
        ['body'],
      );
    });
  });
}
