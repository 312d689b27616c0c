import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { NO_SUBJECT } from '../../../src/domain/log/event.ts';
import type { Take } from '../../../src/domain/policy/limit.ts';
import { Swallowed } from '../../../src/ports.ts';
import { sqlRevocations } from '../../../src/sql/revocations.ts';
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

type Deed = (world: StoreWorld) => Promise<() => Promise<unknown>>;

function freezeOf() {
  const id = `fz_${randomHex(13)}`;
  const name = `s${randomHex(4)}`;
  const freeze = { id, scope: { kind: 'server', name }, reason: 'why', by: 'U0OPS', since: new Date() } as const;
  const data = { id, scope: 'server', name, reason: 'why' };
  return [freeze, { ...NO_SUBJECT, type: 'freeze.set', at: freeze.since, actor: 'slack:U0OPS', data }] as const;
}

function revocationOf() {
  const at = new Date();
  const tokenSha256 = randomHex(32);
  const data = { token: tokenSha256.slice(0, 12), reason: null };
  const event = { ...NO_SUBJECT, type: 'grant.revoked', at, actor: 'admin', grant: 'g', data } as const;
  return [{ tokenSha256, grant: 'g', at, actor: 'admin', reason: null }, event] as const;
}

function take(): Take {
  const of = { server: '*', counter: randomHex(4), scope: 'global', scopeValue: '*', max: '3', by: '1' } as const;
  return { ...of, window: { seconds: 60 } };
}

const revocationsOf = ({ db }: StoreWorld) => sqlRevocations(db, TEST_SEALS);

/** What a gateway does, with the tables from which a trigger may keep it. */
const DEEDS: readonly (readonly [string, readonly string[], Deed])[] = [
  [
    'an event',
    ['events'],
    async ({ one }) =>
      () =>
        one.append([eventOf('call.denied'), eventOf('call.refused')]),
  ],
  [
    'an event of its own',
    ['events'],
    async ({ one }) =>
      () =>
        one.refund([], eventOf('call.refunded')),
  ],
  [
    'a limited call',
    ['events'],
    async ({ one }) =>
      () =>
        one.admit([take()], eventOf('call.allowed')),
  ],
  [
    'quota in advance',
    ['counters', 'quota_parts'],
    async ({ one }) =>
      () =>
        one.takeParts('me', 60_000, [{ id: randomHex(8), take: { ...take(), max: '500' }, ask: 5 }]),
  ],
  [
    'a vote',
    ['decisions', 'events'],
    async ({ one }) => {
      const { approval } = await opened(one);
      const decision = { approver: 'U0MIRA', choice: 'approve', reason: null, via: 'slack', self: false } as const;
      const voted = change(approval, 'approved', { decision: { ...decision, userGroup: null, at: new Date() } });
      return () => one.commit(voted);
    },
  ],
  [
    'a pass that is spent',
    ['events'],
    async ({ one }) => {
      const { approval, joiner } = await opened(one);
      const approved = await through(one, approval, 'approved');
      const patch = { leaseUntil: new Date(Date.now() + 60_000), dispatcher: 'me' };
      return () => one.commit(change(approved, 'dispatched', { joiner: joiner.id, patch }));
    },
  ],
  [
    'a question',
    ['approvals', 'joiners', 'openings', 'events'],
    async ({ one }) =>
      () =>
        open(one, newApproval()),
  ],
  [
    'a caller that leaves',
    ['joiners', 'approvals', 'events'],
    async ({ one }) => {
      const joiner = newJoiner();
      await opened(one, newApproval(), joiner);
      return () => one.leave({ joiner: joiner.id }, (id) => eventOf('approval.caller_left', { id }));
    },
  ],
  [
    'a freeze',
    ['freezes', 'events', 'sealed_sets'],
    async ({ freezes }) =>
      () =>
        freezes[0].set(...freezeOf()),
  ],
  [
    'a thaw',
    ['freezes', 'events', 'sealed_sets'],
    async ({ freezes }) => {
      const [freeze, event] = freezeOf();
      await freezes[0].set(freeze, event);
      const lifting = { by: 'admin', at: new Date(), reason: 'over' };
      return () => freezes[0].lift(freeze.id, lifting, () => ({ ...event, type: 'freeze.lifted' }));
    },
  ],
  [
    'a revocation',
    ['revocations', 'events', 'sealed_sets'],
    async (world) => () => revocationsOf(world).revoke(...revocationOf()),
  ],
  [
    'a login that ends',
    ['logins', 'events'],
    async ({ logins }) => {
      const [id, at] = [randomHex(16), new Date()];
      const ends = { seenAt: at, endsAt: new Date(at.getTime() + 60_000) };
      await logins.begin({ id, reviewer: 'admin', credential: 'c', at, ...ends }, eventOf('admin.signed_in'));
      return () => logins.end(id, eventOf('admin.signed_out'));
    },
  ],
  [
    'a task',
    ['tasks', 'joiners'],
    async ({ one, tasks }) => {
      const { approval, joiner } = await opened(one);
      const of = { approval: approval.id, joiner: joiner.id, grant: approval.grant, server: approval.server };
      const times = { createdAt: new Date(), expiresAt: new Date(Date.now() + 60_000) };
      return () =>
        tasks[0].openTask({ id: randomHex(8), ...of, era: 'modern', request: new Uint8Array([1]), ...times });
    },
  ],
  [
    'a session',
    ['sessions'],
    async ({ one }) =>
      () =>
        one.bindSession(randomHex(8), 's', 'g'),
  ],
  [
    'a notice',
    ['notices'],
    async ({ one }) =>
      () =>
        one.claimNotice(randomHex(8), 60_000),
  ],
  [
    'a card',
    ['cards', 'card_contents', 'events'],
    async ({ one }) => {
      const { approval } = await opened(one);
      const card = { approval: approval.id, channel: 'C0', ts: '1.0', revision: 1, digest: 'd', postedAt: new Date() };
      return () => one.saveCard(card, eventOf('card.posted', approval), `{"card":"${approval.id}"}`);
    },
  ],
];

for (const kind of STORES) {
  describe(`what a trigger takes out of the database, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
      await world.one.beat('here');
    });
    after(() => world?.close());
    afterEach(async () => {
      const placed = await world.rows(
        `select tgname, tgrelid::regclass::text as on from pg_trigger where tgname like 'dba_%'`,
      );
      for (const { tgname, on } of placed) await world.rows(`drop trigger ${tgname} on ${on}`);
    });

    const trigger = async (table: string, when: string, body: string, more = '') => {
      await world.rows(`create or replace function dba() returns trigger language plpgsql as $$ begin ${body} end $$`);
      const kindOf = more.includes('deferred') ? 'create constraint trigger' : 'create trigger';
      await world.rows(
        `${kindOf} dba_${randomHex(4)} ${when} on holdfast.${table} ${more} for each row execute function dba()`,
      );
    };
    const all = async () => {
      const tables = [
        'approvals',
        'decisions',
        'events',
        'freezes',
        'joiners',
        'logins',
        'revocations',
        'tasks',
        'counters',
        'quota_parts',
      ];
      const counts = tables.map((table) => `(select count(*)::int from holdfast.${table}) as ${table}`);
      const states = `(select string_agg(id || state || revision, ',' order by id) from holdfast.approvals) as states`;
      return (await world.rows(`select ${counts.join(', ')}, ${states}`))[0];
    };

    for (const [what, tables, prepare] of DEEDS) {
      for (const table of tables) {
        test(`P7: ${what} that it keeps out of ${table} is not taken for done, and nothing of it is`, async () => {
          const deed = await prepare(world);
          await trigger(table, 'before insert or update or delete', 'return null;');
          const before = await all();
          const refused = await deed().then(
            (done) => assert.fail(JSON.stringify(done)),
            (error: unknown) => error,
          );
          assert.ok(refused instanceof Swallowed, String(refused));
          assert.match(refused.message, new RegExp(`took \\d of \\d rows of holdfast\\.${table}: a trigger`));
          assert.deepEqual(await all(), before);
        });
      }
    }

    test('P7: an event that is taken out after it was counted is missed, whatever wrote it, and each once', async () => {
      await world.one.seal(5_000);
      const { approval } = await opened(world.one);
      await trigger('events', 'after insert', 'delete from holdfast.events where n = new.n; return null;');
      await world.one.refund([], eventOf('call.refunded'));
      const denied = change(approval, 'denied');
      assert.equal((await world.one.commit(denied)).kind, 'committed');
      const found = (await world.one.seal(5_000)).foreign.filter(({ field }) => field === 'missing');
      assert.equal(found.length, 2);
      assert.deepEqual((await world.one.seal(5_000)).foreign, []);
    });

    test('P7: a transaction that was rolled back leaves nothing that is missed', async () => {
      await assert.rejects(
        world.one.saveCard(
          { approval: 'ap_none', channel: 'C0', ts: '1.0', revision: 1, digest: 'd', postedAt: new Date() },
          { ...eventOf('card.posted'), actor: 'a\0b' },
        ),
      );
      await world.db
        .transaction()
        .execute(async (trx) => {
          const { writeEvents } = await import('../../../src/sql/log/events.ts');
          await writeEvents(trx, TEST_SEALS, [eventOf('card.posted')]);
          throw new Error('rolled back');
        })
        .catch(() => undefined);
      assert.deepEqual((await world.one.seal(5_000)).foreign, []);
    });

    test('P1: a freeze or a revocation that is taken out as its transaction ends is told, and goes on to stop', async () => {
      const [freeze, event] = freezeOf();
      const deferred = 'deferrable initially deferred';
      const put = `update holdfast.sealed_sets s set version = b.version, count = b.count, digest = b.digest, seal = b.seal
        from public.heads_before b where b.name = s.name;`;
      await world.freezes[0].list();
      await world.rows('create table public.heads_before as select * from holdfast.sealed_sets');
      await trigger(
        'freezes',
        'after insert',
        `delete from holdfast.freezes where id = new.id; ${put} return null;`,
        deferred,
      );
      await assert.rejects(world.freezes[0].set(freeze, event), /took the freeze fz_\w+ and does not hold it/);
      assert.ok((await world.freezes[0].list()).some(({ id }) => id === freeze.id));
      assert.ok(world.found.some(({ name }) => name === 'freezes'));
      const revocations = revocationsOf(world);
      const [revocation, revoked] = revocationOf();
      await trigger(
        'revocations',
        'after insert',
        `delete from holdfast.revocations where token_sha256 = new.token_sha256; ${put} return null;`,
        deferred,
      );
      await assert.rejects(revocations.revoke(revocation, revoked), /does not hold it/);
      assert.ok((await revocations.list()).some(({ tokenSha256 }) => tokenSha256 === revocation.tokenSha256));
      await world.rows('drop table public.heads_before');
    });
  });
}
