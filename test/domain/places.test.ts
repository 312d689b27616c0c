import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Claim, fillPlaces, type NeededPlace, type Voter } from '../../src/domain/approval/places.ts';

const one = (person: string, ...groups: (string | null)[]): Voter => ({
  person,
  claims: groups.map((group) => ({ group, seat: person })),
});
const inPlaceOf = (person: string, seat: string, group: string): Voter => ({ person, claims: [{ group, seat }] });
const BOTH: readonly NeededPlace[] = [
  { group: 'security', count: 1 },
  { group: 'dba', count: 1 },
];

describe('one person fills one place', () => {
  const cases: readonly [why: string, places: readonly NeededPlace[], voters: readonly Voter[], filled: number[]][] = [
    ['nobody', BOTH, [], [0, 0]],
    ['one of each', BOTH, [one('mira', 'security'), one('dan', 'dba')], [1, 1]],
    ['one of both fills one', BOTH, [one('mira', 'security', 'dba')], [1, 0]],
    ['one of both twice, by two accounts, fills one', BOTH, [one('mira', 'security'), one('mira', 'dba')], [1, 0]],
    ['two of one group', BOTH, [one('mira', 'security'), one('alex', 'security')], [1, 0]],
    [
      'one of both is put where the next leaves room',
      BOTH,
      [one('mira', 'security', 'dba'), one('alex', 'security')],
      [1, 1],
    ],
    ['two of both', BOTH, [one('mira', 'security', 'dba'), one('alex', 'security', 'dba')], [1, 1]],
    ['one who may fill any', BOTH, [one('olga', null), one('mira', 'security')], [1, 1]],
    ['two who may fill any', BOTH, [one('olga', null), one('otto', null)], [1, 1]],
    ['one of no group', BOTH, [one('eve'), one('mallory', 'ops')], [0, 0]],
    ['a stand-in in one group', BOTH, [inPlaceOf('alex', 'mira', 'security'), one('dan', 'dba')], [1, 1]],
    [
      'a member and who stands in for them are one of the group',
      [{ group: 'security', count: 2 }],
      [one('mira', 'security'), inPlaceOf('alex', 'mira', 'security')],
      [1],
    ],
    [
      'two who stand in for the same one are one of the group',
      [{ group: 'security', count: 2 }],
      [inPlaceOf('sam', 'mira', 'security'), inPlaceOf('alex', 'mira', 'security')],
      [1],
    ],
    [
      'a member who stands in for another as well fills one place',
      [{ group: 'security', count: 2 }],
      [
        {
          person: 'alex',
          claims: [
            { group: 'security', seat: 'alex' },
            { group: 'security', seat: 'mira' },
          ],
        },
      ],
      [1],
    ],
    [
      'a member who stands in for another leaves that one’s membership to them',
      [{ group: 'security', count: 2 }],
      [
        {
          person: 'alex',
          claims: [
            { group: 'security', seat: 'mira' },
            { group: 'security', seat: 'alex' },
          ],
        },
        one('mira', 'security'),
      ],
      [2],
    ],
    [
      'three are moved for a fourth',
      [
        { group: 'a', count: 1 },
        { group: 'b', count: 1 },
        { group: 'c', count: 1 },
        { group: 'd', count: 1 },
      ],
      [one('p', 'a', 'b'), one('q', 'b', 'c'), one('r', 'c', 'd'), one('s', 'a')],
      [1, 1, 1, 1],
    ],
  ];
  for (const [why, places, voters, filled] of cases)
    test(`P1: ${why}`, () => assert.deepEqual(fillPlaces(places, voters), filled));

  const GROUPS = ['a', 'b', 'c'];
  const places = fc
    .array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 })
    .map((counts) => counts.map((count, n): NeededPlace => ({ group: GROUPS[n]!, count })));
  const claim: fc.Arbitrary<Claim> = fc.record({
    group: fc.constantFrom(...GROUPS, null),
    seat: fc.constantFrom('v', 'w', 'x', 'y', 'z'),
  });
  const voters: fc.Arbitrary<Voter[]> = fc.array(
    fc.record({ person: fc.constantFrom('p', 'q', 'r', 's', 't'), claims: fc.array(claim, { maxLength: 4 }) }),
    { maxLength: 6 },
  );

  test('P1: no other way to place the voters fills more', () => {
    fc.assert(
      fc.property(places, voters, (needed, all) => {
        const filled = fillPlaces(needed, all);
        assert.ok(filled.every((count, n) => count <= needed[n]!.count));
        assert.equal(sum(filled), mostBySearch(needed, all));
      }),
      { numRuns: 3_000 },
    );
  });

  test('P1: the same votes give the same answer, one more never fills less, and none more than there are people', () => {
    fc.assert(
      fc.property(places, voters, (needed, all) => {
        const filled = fillPlaces(needed, all);
        assert.deepEqual(fillPlaces(needed, structuredClone(all)), filled);
        assert.ok(sum(fillPlaces(needed, all.slice(0, -1))) <= sum(filled));
        assert.ok(sum(filled) <= new Set(all.map(({ person }) => person)).size);
      }),
      { numRuns: 2_000 },
    );
  });

  test('twenty places and two hundred votes take no second', () => {
    const needed = Array.from({ length: 20 }, (_, n): NeededPlace => ({ group: `g${n}`, count: 1 }));
    const many = Array.from({ length: 200 }, (_, n) =>
      one(`p${n}`, ...needed.slice(0, 1 + (n % 19)).map(({ group }) => group)),
    );
    const began = performance.now();
    assert.equal(sum(fillPlaces(needed, many)), 19);
    assert.ok(performance.now() - began < 1_000);
  });
});

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** Tries every claim of every person on every place. */
function mostBySearch(needed: readonly NeededPlace[], voters: readonly Voter[]): number {
  const people = [...Map.groupBy(voters, ({ person }) => person).values()].map((own) =>
    own.flatMap(({ claims }) => claims),
  );
  const search = (at: number, left: readonly number[], taken: ReadonlySet<string>): number => {
    if (at === people.length) return 0;
    let best = search(at + 1, left, taken);
    for (const { group, seat } of people[at]!) {
      const key = `${group} ${seat}`;
      if (taken.has(key)) continue;
      for (const [n, place] of needed.entries()) {
        if (left[n] === 0 || (group !== null && group !== place.group)) continue;
        const less = left.map((count, index) => (index === n ? count - 1 : count));
        best = Math.max(best, 1 + search(at + 1, less, new Set([...taken, key])));
      }
    }
    return best;
  };
  return search(
    0,
    needed.map(({ count }) => count),
    new Set(),
  );
}
