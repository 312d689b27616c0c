import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sources, textOf } from '../support/house.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const RIGHTS = readFileSync(`${ROOT}deploy/sql/gateway-rights.sql`, 'utf8').replace(/^\s*--.*$/gm, '');

/** What the least-privilege role may update, by table: the columns, or `*`. */
function granted(): ReadonlyMap<string, ReadonlySet<string>> {
  const may = new Map<string, Set<string>>();
  for (const [, what, tables] of RIGHTS.matchAll(/^grant ([^;]*?)\bon\s+((?:holdfast\.\w+[,\s]*)+)to/gm)) {
    const columns = /\bupdate\b\s*(?:\(([^)]*)\))?/.exec(what!);
    if (columns === null) continue;
    const named = columns[1]?.split(',').map((column) => column.trim()) ?? ['*'];
    for (const [, table] of tables!.matchAll(/holdfast\.(\w+)/g))
      may.set(table!, new Set([...(may.get(table!) ?? []), ...named]));
  }
  return may;
}

/** The columns that statements of the program set, by table. */
function written(): readonly (readonly [file: string, table: string, column: string])[] {
  return sources('src/sql')
    .filter((file) => !file.includes('/migrations/'))
    .flatMap((file) => {
      const text = textOf(file);
      const updates = [
        ...text.matchAll(/\bupdate holdfast\.(\w+)(?: \w+)?\s+set\s([^`]*?)(?=\bwhere\b|\bfrom\b|\breturning\b|`)/g),
      ];
      const builders = [...text.matchAll(/updateTable\('holdfast\.(\w+)'\)\s*\.set\(\{([^}]*)\}/g)];
      const pushed = [...text.matchAll(/columns\.push\(([^;]*)\);/g)];
      return [
        ...updates.flatMap(([, table, set]) => columnsIn(set!).map((column) => [file, table!, column] as const)),
        ...builders.flatMap(([, table, set]) =>
          [...set!.replace(/\((?:[^()]|\([^()]*\))*\)/g, '').matchAll(/(?:^|,)\s*(\w+)/g)].map(
            ([, column]) => [file, table!, column!] as const,
          ),
        ),
        ...pushed.flatMap(([, set]) =>
          [...set!.matchAll(/sql`(\w+) = /g)].map(([, column]) => [file, 'approvals', column!] as const),
        ),
      ];
    });
}

/** Of `a = …, b = …`. */
function columnsIn(set: string): readonly string[] {
  return [...set.matchAll(/(?:^|,)\s*"?(\w+)"? = /g)].map(([, column]) => column!);
}

test('P6: the least-privilege role may update every column that the program updates', () => {
  const may = granted();
  const all = written();
  const found = (table: string, column: string) => all.some(([, ...one]) => one.join() === [table, column].join());
  // What is looked at is what is there.
  assert.ok(
    all.length > 80 && found('decisions', 'signature') && found('approvals', 'pickup_until'),
    String(all.length),
  );
  assert.ok(found('epoch', 'seal') && may.get('events')!.has('hash') && !may.get('events')!.has('*'));
  const lacking = all.filter(([, table, column]) => !may.get(table)?.has('*') && !may.get(table)?.has(column));
  assert.deepEqual(
    lacking.map((one) => one.join(' ')),
    [],
    'name them in deploy/sql/gateway-rights.sql',
  );
});
