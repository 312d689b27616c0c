import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Act, CarefulPerson, type Look, type Waiting } from '../../bench/day/person.ts';

const LATER: Look = { nth: 1, isLast: false, minutes: 4, denyMinutes: 4 };
let made = 0;

function waiting(role: string, more: Partial<Waiting> = {}): Waiting {
  made += 1;
  return {
    ...{
      id: `ap_${made}`,
      revision: 0,
      fingerprint: `f${made}`,
      grant: 'ci-agent',
      server: 'p',
      tool: 'create',
      risk: 'write',
    },
    arguments: { name: `ci-${made}`, role },
    mayAllow: role === 'viewer' ? { minutes: 8, calls: 60, mayVary: ['args.name'] } : null,
    ...more,
  };
}

const person = (): CarefulPerson => new CarefulPerson(({ arguments: args }) => args.role === 'admin');
const kinds = (acts: readonly Act[]): string[] => acts.map(({ kind }) => kind);

test('of alike calls the first is approved with the like of it, and the others in one batch', () => {
  const [first, ...others] = [waiting('viewer'), waiting('viewer'), waiting('viewer')];
  assert.deepEqual(person().look([first!, ...others], new Set(), LATER), [
    { kind: 'allowance', item: first, minutes: 4, calls: 60 },
    { kind: 'batch approved', items: others },
  ]);
});

test('no second allowance while one lives, and none at the last look', () => {
  const all = [waiting('viewer'), waiting('viewer')];
  assert.deepEqual(kinds(person().look(all, new Set(['ci-agent p.create']), LATER)), ['batch approved']);
  assert.deepEqual(kinds(person().look(all, new Set(), { ...LATER, isLast: true })), ['batch approved']);
});

test('no batch has calls of two tools, or of two agents, or more than 25', () => {
  const two = [waiting('viewer'), waiting('viewer', { tool: 'other' }), waiting('viewer', { grant: 'other' })];
  const many = Array.from({ length: 27 }, () => waiting('viewer'));
  const living = new Set(['ci-agent p.create', 'ci-agent p.other', 'other p.create']);
  assert.deepEqual(kinds(person().look(two, living, LATER)), ['approve', 'approve', 'approve']);
  assert.deepEqual(
    person()
      .look(many, living, LATER)
      .map((act) => ('items' in act ? act.items.length : 1)),
    [25, 2],
  );
});

test('what is bad is denied, all of it together, and never ticked for a yes', () => {
  const [good, bad, worse] = [waiting('viewer'), waiting('admin'), waiting('admin', { tool: 'other' })];
  const acts = person().look([good, bad, worse], new Set(['ci-agent p.create']), LATER);
  assert.deepEqual(acts, [
    { kind: 'batch denied', items: [bad, worse] },
    { kind: 'approve', item: good },
  ]);
});

test('what comes again after a no is denied in advance, if nothing good would be', () => {
  const mira = person();
  assert.deepEqual(kinds(mira.look([waiting('viewer'), waiting('admin')], new Set(), LATER)), ['deny', 'allowance']);
  assert.deepEqual(kinds(mira.look([waiting('admin')], new Set(), LATER)), ['standing denial']);
  const other = new CarefulPerson(({ arguments: args }) => args.name === 'evil');
  const evil = { arguments: { name: 'evil', role: 'viewer' } };
  other.look([waiting('viewer'), waiting('viewer', evil)], new Set(), LATER);
  assert.deepEqual(kinds(other.look([waiting('viewer', evil)], new Set(), LATER)), ['deny'], 'the name may vary');
});

test('money and deletions wait for every other look, not for ever', () => {
  const refund = [
    waiting('viewer', { risk: 'financial', mayAllow: null }),
    waiting('viewer', { risk: 'financial', mayAllow: null }),
  ];
  assert.deepEqual(person().look(refund, new Set(), { ...LATER, nth: 2 }), []);
  assert.deepEqual(kinds(person().look(refund, new Set(), { ...LATER, nth: 3 })), ['batch approved']);
  assert.deepEqual(kinds(person().look(refund, new Set(), { ...LATER, nth: 8, isLast: true })), ['batch approved']);
});
