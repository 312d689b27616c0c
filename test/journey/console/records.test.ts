import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { checkpointText } from '../../../src/domain/log/checkpoint.ts';
import type { EventType, NewEvent } from '../../../src/domain/log/event.ts';
import { RevokedTokens } from '../../../src/main/rules/revoked-tokens.ts';
import type { Records } from '../../../src/ports.ts';
import { type Embedded, openPglite } from '../../../src/sql/connection/pglite.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { sqlRevocations } from '../../../src/sql/revocations.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { proof } from '../../../src/vault/proof.ts';
import { vault } from '../../../src/vault/vault.ts';
import { auditLink, parseAuditQuery } from '../../../src/web/api/audit-query.ts';
import { visibleLine, visibleText } from '../../../src/web/html/visible-text.ts';
import { chainStatus } from '../../../src/web/pages/chain-status.ts';
import { quiet } from '../../support/log.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';

const START = Date.UTC(2026, 0, 1);

function event(i: number, type: EventType, more: Partial<NewEvent> = {}): NewEvent {
  const at = new Date(START + i * 60_000);
  const plain = { approval: null, server: 'prometheus', tool: 'query', grant: 'bot', actor: 'grant:bot', data: {} };
  return { ...plain, type, at, ...more };
}

describe('What reviewers read', { concurrency: false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-records-'));
  const keyed = vault(['s'.repeat(40)]);
  let embedded: Embedded;
  let records: Records;

  before(async () => {
    embedded = await openPglite(folder);
    const store = sqlStore(embedded, TEST_SEALS);
    records = sqlRecords(embedded.db, TEST_SEALS);
    const events = Array.from({ length: 120 }, (_, i) =>
      event(i, i % 10 === 0 ? 'call.denied' : 'call.allowed', {
        grant: i % 2 === 0 ? 'even-bot' : 'odd-bot',
        data: { reason: i === 40 ? 'a needle, "quoted" & <b>' : `straw${i}` },
      }),
    );
    await store.append(events);
    await store.append([
      event(130, 'approval.requested', { approval: `ap_${'1'.repeat(26)}`, tool: 'create_api_key' }),
      event(131, 'approval.decided', { approval: `ap_${'1'.repeat(26)}`, actor: 'slack:U0MIRA' }),
    ]);
    await store.seal(1_000);
  });

  after(async () => {
    await embedded?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const find = async (query: Record<string, string>) => {
    const asked = parseAuditQuery((name) => query[name]);
    return { ...(await records.search(asked.filter)), faults: asked.faults };
  };

  it('is paged by key: every event once, newest first', async () => {
    const seen: number[] = [];
    let before: string | undefined;
    do {
      const page = await find(before === undefined ? {} : { before });
      seen.push(...page.items.map((one) => one.n));
      before = page.next ?? undefined;
    } while (before !== undefined);
    assert.equal(seen.length, 122);
    assert.deepEqual(
      seen,
      [...new Set(seen)].toSorted((a, b) => b - a),
    );
  });

  it('is found by every field, and by all of them together', async () => {
    const at = (i: number): string => new Date(START + i * 60_000).toISOString().slice(0, 16);
    const table: [Record<string, string>, number][] = [
      [{ verdict: 'deny' }, 12],
      [{ verdict: 'ask' }, 1],
      [{ approver: 'U0MIRA' }, 1],
      [{ approver: 'slack:U0MIRA' }, 1],
      [{ tool: 'create_api_key' }, 1],
      [{ server: 'elsewhere' }, 0],
      [{ agent: 'even-bot', verdict: 'deny' }, 12],
      [{ agent: 'odd-bot', verdict: 'deny' }, 0],
      [{ from: at(10), to: at(20) }, 10],
      [{ from: at(10), to: at(20), agent: 'odd-bot' }, 5],
      [{ text: 'needle' }, 1],
      // Terms of a plainly allowed call: who, what, by which rule.
      [{ text: 'odd-bot query', from: at(10), to: at(20) }, 5],
      [{ text: 'need' }, 1],
      [{ text: 'a needle, "quoted"' }, 1],
      [{ text: 'needle nowhere' }, 0],
      [{ text: `ap_${'1'.repeat(26)}` }, 2],
      [{ state: 'pending' }, 0],
      [{ types: 'approval.decided,approval.requested' }, 2],
    ];
    for (const [query, count] of table) {
      const { items, faults } = await find(query);
      assert.equal(items.length, count, JSON.stringify(query));
      assert.deepEqual(faults, []);
    }
  });

  it('is found by what it was about: a denial counts for the part that was denied', async () => {
    const denials = ['resource', 'prompt', 'method'].map((denied, i) =>
      event(200 + i, 'method.denied', { server: 'parts', tool: null, data: { denied } }),
    );
    const counted = event(203, 'method.denied', { server: 'parts', tool: null, data: { grouped: true } });
    const read = event(204, 'resource.read', { server: 'parts', tool: null });
    await sqlStore(embedded, TEST_SEALS).append([...denials, counted, read]);
    for (const [what, expected] of [
      ['resources', ['resource.read', undefined, 'resource']],
      ['prompts', [undefined, 'prompt']],
      ['methods', [undefined, 'method']],
    ] as const) {
      const { items, faults } = await find({ what, server: 'parts' });
      const found = items.map(({ type, data }) => (type === 'method.denied' ? data.denied : type));
      assert.deepEqual([found, faults], [expected, []]);
      assert.equal((await find({ what, server: 'parts', verdict: 'deny' })).items.length, 2);
    }
  });

  it('takes any text as words: nothing in it is an operator or SQL', async () => {
    const evil = [
      "'",
      "' or 1=1 --",
      '!!',
      '& | ! ( )',
      ':*',
      '\\',
      '%',
      '_',
      '\u202e',
      'a:b*',
      "O'Brien",
      '<->',
      '\ud800',
    ];
    for (const text of evil) await find({ text, agent: text, approver: text, tool: text });
    assert.equal((await find({ text: "' or 1=1 --" })).items.length, 0);
  });

  it('says what it cannot understand, and does not apply it', async () => {
    const query = { verdict: 'maybe', state: 'gone', from: 'yesterday', types: 'call.allowed,call.eaten', before: 'x' };
    const { faults, items } = await find(query);
    assert.equal(faults.length, 5);
    assert.ok(items.every((one) => one.type === 'call.allowed'));
  });

  it('has an address that is the search, however odd its text', () => {
    const asked = parseAuditQuery((name) => ({ text: 'a&b=c #d', agent: 'x y', before: '7' })[name]);
    const link = new URL(auditLink(asked.query, { before: '' }), 'http://localhost');
    assert.equal(link.searchParams.get('text'), 'a&b=c #d');
    assert.equal(link.searchParams.get('agent'), 'x y');
    assert.equal(link.searchParams.has('before'), false);
  });

  it('counts calls by verdict, refusals and waiting times', async () => {
    const tally = await records.tally(new Date(START), new Date(START + 7_200_000), 3_600_000);
    const sum = (type: string) =>
      tally.calls.filter((one) => one.type === type).reduce((all, one) => all + one.count, 0);
    assert.deepEqual([sum('call.allowed'), sum('call.denied')], [108, 12]);
    assert.equal(new Set(tally.calls.map((one) => one.slot)).size, 2);
    assert.equal(tally.wait, null);
  });

  it('P1: a token revoked on one replica is good for nothing on another, once, and by its digest alone', async () => {
    const revocations = sqlRevocations(embedded.db, TEST_SEALS);
    const other = new RevokedTokens(revocations, quiet);
    await other.refresh();
    const tokenSha256 = 'a'.repeat(64);
    const revocation = { tokenSha256, grant: 'bot', at: new Date(START), actor: 'admin', reason: null };
    const told = event(200, 'grant.revoked', { actor: 'admin' });
    assert.equal(await revocations.revoke(revocation, told), true);
    assert.equal(await revocations.revoke(revocation, told), false);
    assert.equal(other.has(tokenSha256), false);
    await other.refresh();
    assert.equal(other.has(tokenSha256), true);
    assert.equal(other.has('b'.repeat(64)), false, 'another token of the same grant is good');
    assert.equal((await find({ types: 'grant.revoked' })).items.length, 1);
  });

  it('P7: an event that was changed is named where it is shown, and where the chain is looked at', async () => {
    const story = `ap_${'1'.repeat(26)}`;
    assert.deepEqual(
      (await records.story(story)).map((one) => one.fits),
      [true, true],
    );
    assert.equal((await records.chain(500)).misfit, null);
    await sql`update holdfast.events set body = replace(body, 'U0MIRA', 'U0EVIL') where approval_id = ${story}`.execute(
      embedded.db,
    );
    assert.deepEqual(
      (await records.story(story)).map((one) => one.fits),
      [true, false],
    );
    assert.equal((await records.chain(500)).misfit, 122);
    await sql`update holdfast.events set body = replace(body, 'U0EVIL', 'U0MIRA') where approval_id = ${story}`.execute(
      embedded.db,
    );
  });

  it('P7: a checkpoint vouches only for what it signed, with a key of ours', async () => {
    const { seq, hash } = await records.chain(1);
    const keys = keyed.publicKeys;
    assert.equal(chainStatus(await records.chain(1), proof(), keys).checkpointValid, null);
    const key = keys[0]!;
    const text = checkpointText({
      at: new Date(START).toISOString(),
      count: seq,
      hash: hash!,
      key,
      previous: null,
      seq,
      v: 2,
      log: 'log_test',
    });
    const values = sql`${seq}, ${hash}, ${new Date(START)}, ${text}, ${keyed.sign(text)}`;
    await sql`insert into holdfast.checkpoints (seq, hash, at, body, signature) values (${values})`.execute(
      embedded.db,
    );
    const look = async () => chainStatus(await records.chain(1), proof(), keys).checkpointValid;
    assert.equal(await look(), true);
    assert.equal(
      chainStatus(await records.chain(1), proof(), vault(['x'.repeat(40)]).publicKeys).checkpointValid,
      false,
    );
    await sql`update holdfast.events set hash = ${'0'.repeat(64)} where seq = ${seq}`.execute(embedded.db);
    assert.equal(await look(), false);
    await sql`update holdfast.events set hash = ${hash} where seq = ${seq}`.execute(embedded.db);
    await sql`update holdfast.checkpoints set body = replace(body, '"v":2', '"v": 2')`.execute(embedded.db);
    assert.equal(await look(), false);
  });
});

describe('Foreign text on a page', () => {
  const table: [string, string][] = [
    ['<script>', '&lt;script&gt;'],
    ['"\'&', '&quot;&#39;&amp;'],
    ['a\u202eb', 'a<span class="inkless">U+202E</span>b'],
    ['zero\u200bwidth', 'zero<span class="inkless">U+200B</span>width'],
    ['\u{e0041}', '<span class="inkless">U+E0041</span>'],
    ['\u0000\u001b', '<span class="inkless">U+0000</span><span class="inkless">U+001B</span>'],
    ['\u3164', '<span class="inkless">U+3164</span>'],
    ['line\nfeed\ttab', 'line\nfeed\ttab'],
    ['👩‍💻', '👩‍💻'],
    ['Zürich Ж 漢', 'Zürich Ж 漢'],
    ['\ud800x', '<span class="inkless">U+D800</span>x'],
  ];
  for (const [text, markup] of table) {
    it(`shows ${JSON.stringify(text)} as data`, () => assert.equal(String(visibleText(text)), markup));
  }
  it('shows a line break where one line is meant', () => {
    assert.equal(String(visibleLine('a\nb')), 'a<span class="inkless">U+000A</span>b');
  });
});
