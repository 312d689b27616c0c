import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../src/domain/json/json.ts';
import { classify } from '../../src/domain/tool/classify.ts';
import { RISKS, type Risk, SEVERITIES } from '../../src/domain/tool/risk.ts';
import { toolOf } from '../../src/domain/tool/tool.ts';

/** A tool of a real server from npm, labelled by a person. `care`: a human should be asked. */
interface Labelled {
  readonly server: string;
  readonly tool: string;
  readonly risk: Risk;
  readonly care: boolean;
  readonly description: string;
  readonly annotations: Record<string, boolean>;
  readonly properties: Record<string, Json>;
}

/** The labels were given before the classifier's words were chosen, and those were chosen without `held-out`. */
const SETS = [
  { name: 'tuning', precision: 0.9, recall: 0.95 },
  { name: 'held-out', precision: 0.9, recall: 0.85 },
];

function labelled(set: string): Labelled[] {
  return JSON.parse(readFileSync(new URL(`../labelled/${set}.json`, import.meta.url), 'utf8'));
}

function judged(one: Labelled) {
  const { tool: name, description, annotations, properties } = one;
  return classify(toolOf({ name, description, annotations, inputSchema: { type: 'object', properties } })!);
}

for (const { name, precision, recall } of SETS) {
  test(`what needs care is found among the ${name} tools of real servers`, () => {
    const rows = labelled(name).map((row) => ({ row, got: judged(row) }));
    const found = rows.filter(({ row, got }) => row.care && got.care).length;
    const said = rows.filter(({ got }) => got.care).length;
    const there = rows.filter(({ row }) => row.care).length;
    const right = rows.filter(({ row, got }) => row.risk === got.risk).length;
    const figures = { precision: found / said, recall: found / there };
    const share = (part: number) => part.toFixed(2);
    console.log(
      `${name}: ${rows.length} tools, ${there} need care; precision ${share(figures.precision)}, recall ${share(figures.recall)}, risk right ${share(right / rows.length)}`,
    );
    assert.ok(figures.precision >= precision && figures.recall >= recall, JSON.stringify(figures));
  });

  test(`nothing that destroys, runs code or moves money is taken for a read among the ${name} tools`, () => {
    const wrong = labelled(name).filter((row) => !['read', 'write'].includes(row.risk) && judged(row).risk === 'read');
    assert.deepEqual(
      wrong.map((row) => row.tool),
      [],
    );
  });
}

test('there are at least 200 labelled tools, each once', () => {
  const all = SETS.flatMap(({ name }) => labelled(name)).map((row) => `${row.server} ${row.tool}`);
  assert.ok(all.length >= 200);
  assert.equal(new Set(all).size, all.length);
});

const tool = (name: string, more: object = {}) => classify(toolOf({ name, ...more } as Json)!);

const CASES: [name: string, more: object, risk: Risk, care: boolean][] = [
  ['delete_key', { annotations: { readOnlyHint: true } }, 'destructive', true],
  ['get_key', { description: 'Deletes the key.' }, 'destructive', true],
  ['get_or_delete_key', {}, 'destructive', true],
  ['deleteAPIKey', {}, 'destructive', true],
  ['list_deleted_items', {}, 'read', false],
  ['frobnicate', {}, 'write', false],
  ['frobnicate', { annotations: { readOnlyHint: true } }, 'read', false],
  ['frobnicate', { annotations: { destructiveHint: true } }, 'destructive', true],
  ['get_thing', { annotations: { readOnlyHint: false } }, 'write', false],
  ['manage_keys', { inputSchema: { properties: { action: { enum: ['list', 'delete'] } } } }, 'destructive', true],
  ['run_sql', {}, 'execute', true],
  ['query', { description: 'Run a read-only SQL query' }, 'read', false],
  ['query', { description: 'Run a SQL query' }, 'execute', true],
  ['create_refund', {}, 'financial', true],
  ['list_refunds', {}, 'read', false],
  ['create_api_key', {}, 'write', true],
  ['get_connection_string', {}, 'read', true],
  ['send_email', {}, 'write', true],
  ['', {}, 'write', false],
];

for (const [name, more, risk, care] of CASES) {
  test(`${JSON.stringify(name)} ${JSON.stringify(more)} is ${risk}${care ? ' and needs care' : ''}`, () => {
    const said = tool(name, more);
    assert.deepEqual([said.risk, said.care], [risk, care], said.why.join('; '));
  });
}

test('classification is total and deterministic, says why, and repeats nothing of a description', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.jsonValue(),
      fc.jsonValue(),
      (name, description, inputSchema, annotations) => {
        const entry = { name, description: `${description} zzqq`, inputSchema, annotations } as Json;
        const said = classify(toolOf(entry)!);
        assert.deepEqual(classify(toolOf(entry)!), said);
        assert.ok(RISKS.includes(said.risk) && SEVERITIES.includes(said.severity) && said.why.length > 0);
        assert.doesNotMatch(said.why.join(' '), /zzqq/);
      },
    ),
  );
});

test('no annotation makes a tool look calmer than it would without', () => {
  const height = (risk: Risk) => ['read', 'write', 'financial', 'execute', 'destructive'].indexOf(risk);
  for (const row of SETS.flatMap(({ name }) => labelled(name))) {
    const [calm, bare] = [judged({ ...row, annotations: { readOnlyHint: true } }), judged({ ...row, annotations: {} })];
    // The annotation may lower a tool to a read only where nothing else says that it is worse than a write.
    if (height(calm.risk) < height(bare.risk))
      assert.deepEqual([calm.risk, bare.risk, bare.care], ['read', 'write', false]);
  }
});
