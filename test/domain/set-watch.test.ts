import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { type SetFinding, SetWatch } from '../../src/gateway/log/set-watch.ts';
import type { SetHead } from '../../src/ports.ts';
import { rowText, SEALED_COLUMNS, SealedTables } from '../../src/sql/table/sealed-tables.ts';
import { rowSeals } from '../../src/vault/row-seals.ts';

const head = (version: number, digest = 'd'): SetHead => ({ name: 'freezes', version, count: 1, digest });

describe('What is known of sets', () => {
  let watch: SetWatch;
  let found: SetFinding[];
  beforeEach(() => {
    watch = new SetWatch();
    found = [];
    watch.onFinding((finding) => found.push(finding));
  });
  const read = (one: SetHead | null, fault: string | null = null, turn = watch.begin()) =>
    watch.read(turn, { name: 'freezes', head: one, fault });

  test('P1: an older head, another one of the same version, and none are refused; a later one is believed', () => {
    assert.equal(read(null), 'believed', 'nobody has begun it');
    assert.equal(read(head(3)), 'believed');
    assert.equal(read(head(4)), 'believed');
    assert.equal(found.length, 0);
    for (const one of [head(3), head(4, 'other'), null]) assert.equal(read(one), 'refused');
    assert.deepEqual(
      found.map(({ kind, row }) => [kind, row]),
      [
        ['older', null],
        ['older', null],
        ['broken', null],
      ],
    );
    assert.equal(read(head(4)), 'believed');
    assert.equal(watch.isAtFault('freezes'), true, 'what was missing may have been believed meanwhile');
    watch.forget();
    assert.equal(watch.isAtFault('freezes'), false);
    assert.equal(read(head(1)), 'believed', 'an operator has accepted it');
  });

  test('a read that began before a later head was known says nothing', () => {
    const early = watch.begin();
    assert.equal(read(head(4)), 'believed');
    assert.equal(read(head(3), null, early), 'stale');
    assert.deepEqual(found, []);
    assert.equal(read(head(4), 'it does not fit'), 'refused');
  });

  test('P1: what a witness knows counts as read', () => {
    watch.witnessed([head(7)]);
    assert.equal(read(head(6)), 'refused');
    assert.equal(read(null), 'refused');
  });

  test('a foreign row is told, kept for the operator who accepts, and bounded', () => {
    for (let n = 0; n < 1_100; n += 1) watch.foreign('logins', `l${n}`);
    watch.foreign('logins', 'l0');
    assert.equal(watch.foreignRows.length, 1_000);
    assert.deepEqual(found[0], {
      ...{ name: 'logins', kind: 'broken', row: 'l0' },
      why: 'a row of logins (l0) was not written by a gateway',
    });
    watch.forget();
    assert.deepEqual(watch.foreignRows, []);
  });
});

describe('Seals of rows', () => {
  const row = { id: 'one', server: 's', grant_name: 'g' };

  test('P1: are over a table’s own columns in their order, and over no other table’s', () => {
    const tables = new SealedTables(rowSeals(['a'.repeat(40)]), null);
    const seal = tables.seal('sessions', row);
    assert.equal(tables.believes('sessions', { ...row, seal }), true);
    for (const other of [{ id: 'ones', server: '' }, { server: 'g', grant_name: 's' }, { grant_name: 'G' }]) {
      assert.equal(tables.believes('sessions', { ...row, ...other, seal }), false, JSON.stringify(other));
    }
    const plain = { grant_name: 'one', server: 's', session: 'g', request_key: '', asked_at: new Date(0) };
    assert.notEqual(rowText('plain_requests', plain), rowText('sessions', row));
    // Frozen: rows that were sealed would not be believed with others.
    assert.deepEqual(SEALED_COLUMNS, {
      freezes: ['id', 'scope', 'name', 'reason', 'by', 'since'],
      allowances: [
        ...['id', 'approval_id', 'grant_name', 'server', 'tool', 'owner', 'token_sha256', 'policy_digest', 'may_vary'],
        ...[
          'within',
          'likeness',
          'look',
          'bounds',
          'used',
          'at',
          'until',
          'given_by',
          'ended_at',
          'ended_why',
          'ended_by',
        ],
      ],
      counter_proposals: [
        ...['id', 'approval_id', 'grant_name', 'server', 'tool', 'fingerprint', 'proposed_by', 'at', 'ended_at'],
      ],
      denials: [
        ...['id', 'approval_id', 'grant_name', 'server', 'tool', 'may_vary', 'likeness', 'reason', 'at', 'until'],
        ...['given_by', 'ended_at', 'ended_why', 'ended_by'],
      ],
      logins: ['id', 'reviewer', 'credential', 'at', 'seen_at', 'ends_at'],
      person_logins: ['id', 'flow', 'issuer', 'subject', 'session', 'email', 'name', 'said', 'checked_at', 'kept'],
      person_emails: ['email', 'issuer', 'subject', 'at'],
      api_tokens: ['id', 'digest', 'owner', 'name', 'role', 'at', 'ends_at', 'revoked_at', 'revoked_by', 'vouched_at'],
      person_keys: [
        ...['id', 'owner', 'name', 'public_key', 'algorithm', 'origin', 'counter', 'at', 'registered_at'],
        ...['registered_by', 'break_glass', 'ended_at', 'ended_by', 'ended'],
      ],
      signing_nonces: ['digest', 'purpose', 'login', 'person', 'approval_id', 'choice', 'at', 'ends_at'],
      sessions: ['id', 'server', 'grant_name'],
      tasks: ['id', 'approval_id', 'joiner_id', 'grant_name', 'server', 'era', 'created_at'],
      continuations: ['digest', 'grant_name', 'server', 'fingerprint', 'approval_id'],
      pursuits: ['approval_id', 'dispatcher', 'task_id', 'grant_name', 'server', 'kept', 'started_at'],
      asked_requests: ['approval_id', 'grant_name', 'server', 'session', 'request_key', 'digest', 'kept', 'asked_at'],
      plain_requests: ['grant_name', 'server', 'session', 'request_key', 'asked_at'],
      issued_states: ['digest', 'grant_name', 'server', 'approval_id', 'issued_at', 'until'],
      memories: ['place', 'ref', 'at', 'until'],
      oversight_sums: ['subject', 'kind', 'day', 'sums'],
      oversight_cursor: ['id', 'seq'],
      snoozes: ['approval_id', 'person', 'slack', 'at', 'until'],
      cards: [
        ...['approval_id', 'channel', 'ts', 'revision', 'digest', 'posted_at', 'told_freeze', 'refused', 'event_seal'],
      ],
    });
  });

  test('P1: of the form before seals, and of a retired secret, are not believed, and nobody is alarmed', () => {
    const watch = new SetWatch();
    const [old, now] = [rowSeals(['b'.repeat(40)]), rowSeals(['a'.repeat(40)])];
    const seal = new SealedTables(old, null).seal('sessions', row);
    const tables = new SealedTables(now, watch);
    now.retire(new Map([[old.prefix, 9]]));
    assert.equal(tables.believes('sessions', { ...row, seal }), false);
    assert.equal(tables.believes('sessions', { ...row, seal: null }), false);
    assert.deepEqual(watch.foreignRows, []);
    assert.equal(tables.believes('sessions', { ...row, seal: 'x' }), false);
    assert.deepEqual(watch.foreignRows, [{ table: 'sessions', row: 'one' }]);
    const both = new SealedTables(rowSeals(['a'.repeat(40), 'b'.repeat(40)]), watch);
    assert.equal(both.believes('sessions', { ...row, seal }), true, 'while it is listed');
  });
});
