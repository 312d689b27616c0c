import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/domain/json/json.ts';
import type { NewEvent } from '../../src/domain/log/event.ts';
import { sampleContent, sampleRank, sampleRow } from '../../src/domain/replay/sample.ts';
import { SampleKeeper } from '../../src/gateway/state/sample-keeper.ts';
import type { KeptSample, Samples } from '../../src/ports.ts';
import { vault } from '../../src/vault/vault.ts';
import { policyOf } from '../support/domain/policy.ts';
import { quiet } from '../support/log.ts';

const AT = new Date('2026-11-30T12:00:00Z');
const DAY = '2026-11-30';
const VAULT = vault(['k'.repeat(40)]);
const POLICY = policyOf({ default: 'allow', tools: { t: { redact: ['args.seed'] } } });

/** The keeper over a store in memory, and what it kept. */
function world(terms: { perToolAndDay: number; retainMs: number } | null, octets = 0) {
  const rows = new Map<string, KeptSample>();
  const statements: string[] = [];
  const state = { terms, fails: false };
  const samples: Samples = {
    remove: async () => 0,
    servers: async () => [],
    keep: async (list) => {
      statements.push(`keep ${list.length}`);
      if (state.fails) throw new Error('away');
      for (const one of list) rows.set(sampleRow(one), one);
    },
    octets: async () => octets,
    read: async () => [],
    forget: async (before) => {
      statements.push(`forget ${before.toISOString()}`);
      return 0;
    },
  };
  const rules = {
    get samples() {
      return state.terms;
    },
  };
  const keeper = new SampleKeeper(samples, rules, { clock: { now: () => AT }, log: quiet, vault: VAULT });
  const offer = (tool: string, args: JsonObject, more: { size?: number; tool?: string; fingerprint?: null } = {}) => {
    const call = {
      principal: { grant: 'g', owner: null, selfApproval: false },
      server: 's',
      tool,
      args,
      session: null,
    };
    const params = { name: tool, arguments: args };
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([tool, args]))
      .digest('hex');
    const event = {
      ...{ type: 'call.allowed', at: AT, actor: 'grant:g', approval: null, server: 's', grant: 'g' },
      tool: more.tool ?? tool,
      data: { fingerprint: more.fingerprint === null ? null : fingerprint },
    } as NewEvent;
    keeper.offer({ call: { ...call, params }, policy: POLICY, bytes: new Uint8Array(more.size ?? 100) }, event);
    return sampleRank(DAY, fingerprint);
  };
  const contents = () =>
    [...rows.values()].map((row) =>
      sampleContent(new TextDecoder().decode(VAULT.open('sample', sampleRow(row), row.content)), row),
    );
  return { keeper, offer, rows, contents, statements, state };
}

describe('samples of allowed calls', () => {
  test('of all different calls the smallest ranks are kept, by few statements, and a repeated call is one', async () => {
    const { keeper, offer, rows, statements } = world({ perToolAndDay: 20, retainMs: 1 });
    const all = Array.from({ length: 700 }, (_, n) => offer('t', { n }));
    for (let n = 0; n < 700; n += 1) offer('t', { n });
    assert.deepEqual(statements, [], 'nothing is written while calls are on their way');
    await keeper.close();
    const kept = [...rows.values()].map(({ rank }) => rank).sort();
    assert.ok(kept.length < 150, `${kept.length} were written`);
    assert.deepEqual(kept.slice(0, 20), all.sort().slice(0, 20));
    assert.ok(statements.length <= 2, statements.join());
  });

  test('P8: what is kept is redacted as a card is, encrypted, and bound to its row', async () => {
    const { keeper, offer, rows, contents } = world({ perToolAndDay: 20, retainMs: 1 });
    offer('t', { seed: 'tell-nobody', api_key: 'sk-tell-nobody', note: 'it is sk-tell-nobody', n: 1 });
    await keeper.close();
    const [content] = contents();
    assert.deepEqual(
      { ...content!.arguments },
      { seed: '[redacted]', api_key: '[redacted]', note: 'it is [redacted]', n: 1 },
    );
    const [row] = rows.values();
    assert.equal(Buffer.from(row!.content).includes('it is'), false);
    for (const moved of [{ tool: 'u' }, { server: 'x' }, { day: '2026-11-29' }, { rank: 'f'.repeat(64) }]) {
      assert.throws(() => VAULT.open('sample', sampleRow({ ...row!, ...moved }), row!.content));
    }
    assert.equal(sampleContent(JSON.stringify(content), { day: '2026-11-29', rank: row!.rank }), null);
    for (const text of ['', '[]', '{}', 'null', '{"fingerprint":1}']) assert.equal(sampleContent(text, row!), null);
  });

  test('what is too long, has no fingerprint, or whose tool is not named in the log is not kept', async () => {
    const { keeper, offer, rows } = world({ perToolAndDay: 20, retainMs: 1 });
    offer('t', { n: 1 }, { size: 16 * 1024 + 1 });
    offer('t', { n: 2 }, { fingerprint: null });
    offer('t', { n: 3 }, { tool: '[redacted]' });
    offer('t', { long: 'x'.repeat(9_000) });
    await keeper.close();
    assert.equal(rows.size, 0);
  });

  test('a flood of tools and of calls is bounded, and so are all samples together', async () => {
    const { keeper, offer, rows } = world({ perToolAndDay: 20, retainMs: 1 });
    for (let n = 0; n < 5_000; n += 1) offer(`tool${n}`, {});
    await keeper.close();
    assert.equal(rows.size, 1_000);
    const full = world({ perToolAndDay: 20, retainMs: 1 }, 64 * 1024 * 1024);
    full.offer('t', {});
    await full.keeper.close();
    assert.deepEqual(full.statements, []);
  });

  test('a store that is away loses samples and nothing else', async () => {
    const { keeper, offer, state, rows } = world({ perToolAndDay: 20, retainMs: 1 });
    state.fails = true;
    offer('t', { n: 1 });
    await keeper.close();
    state.fails = false;
    offer('t', { n: 2 });
    await keeper.close();
    assert.equal(rows.size, 1);
  });

  test('the sweep deletes what is over its retention, and all where nothing is to be kept', async () => {
    const { keeper, offer, state, statements } = world({ perToolAndDay: 20, retainMs: 3_600_000 });
    await keeper.forget(5);
    state.terms = null;
    assert.equal(keeper.isOn, false);
    offer('t', { n: 1 });
    await keeper.close();
    await keeper.forget(5);
    assert.deepEqual(statements, ['forget 2026-11-30T11:00:00.000Z', 'forget 2026-11-30T12:01:00.000Z']);
  });
});
