import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { EVENTS, NO_SUBJECT } from '../../src/domain/log/event.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { REMEDIES } from '../../src/gateway/log/alarms.ts';
import { Meters } from '../../src/web/http/meters.ts';
import { metrics } from '../../src/web/http/metrics.ts';

const text = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}
const rules = (parse(text('deploy/prometheus/holdfast.rules.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string; readonly refId: string }[];
}
const dashboard = JSON.parse(text('deploy/grafana/holdfast.json')) as {
  panels: Panel[];
  templating: { list: { name: string; query: string | { query: string } }[] };
};

/** What the program serves: labels of each metric by its name, and the values of labels with fixed words. */
async function served() {
  const meters = new Meters();
  const gateway = { cards: { trouble: () => null } } as unknown as Gateway;
  metrics({ gateway, meters, adminToken: null, addressOf: () => null, hosts: () => new Set() });
  for (const type of EVENTS) {
    meters.count({
      ...NO_SUBJECT,
      type,
      at: new Date(),
      actor: 'holdfast',
      data: { status: 401, times: 1, door: 'x' },
    });
  }
  const labels = new Map<string, readonly string[]>();
  const values = new Map<string, Set<string>>();
  const note = (metric: string, name: string, value: unknown): void => {
    const key = `${metric} ${name}`;
    values.set(key, (values.get(key) ?? new Set()).add(String(value)));
  };
  for (const metric of meters.registry.getMetricsAsArray() as unknown as Registered[]) {
    const { name, labelNames } = metric;
    const { type, values: found } = await metric.get();
    labels.set(name, labelNames);
    if (type === 'histogram') {
      for (const part of ['bucket', 'sum', 'count']) labels.set(`${name}_${part}`, [...labelNames, 'le']);
    }
    for (const one of found) for (const [label, value] of Object.entries(one.labels)) note(name, label, value);
  }
  for (const state of ['pending', 'approved', 'dispatched']) note('holdfast_approvals', 'state', state);
  for (const kind of Object.keys(REMEDIES)) note('holdfast_alarms_by_kind', 'kind', kind);
  return { labels, values };
}

interface Registered {
  readonly name: string;
  readonly labelNames: readonly string[];
  get(): Promise<{ type: string; values: { labels: Record<string, string | number> }[] }>;
}

/** Added by Prometheus to everything that it scrapes. */
const OF_PROMETHEUS = ['instance', 'job'];

/** What is wrong with an expression; empty: nothing is. */
function faults(expression: string, { labels, values }: Awaited<ReturnType<typeof served>>): string[] {
  // Grafana puts durations in the place of its own names.
  const promql = expression.replaceAll(/\$__(rate_interval|range)/g, '5m');
  const found: string[] = [];
  const metricsIn: string[] = [];
  const grouped: string[] = [];
  let metric = '';
  let label = '';
  let equals = false;
  parser.parse(promql).iterate({
    enter(node) {
      const { type, from, to } = node;
      const word = promql.slice(from, to);
      if (type.isError) found.push(`not PromQL at ${from}`);
      if (type.name === 'Identifier') {
        metric = word;
        metricsIn.push(word);
        if (!labels.has(word)) found.push(`no metric ${word}`);
      }
      if (type.name === 'LabelName' && node.matchContext(['GroupingLabels'])) grouped.push(word);
      else if (type.name === 'LabelName') {
        label = word;
        if (!OF_PROMETHEUS.includes(word) && labels.get(metric)?.includes(word) !== true) {
          found.push(`${metric} has no label ${word}`);
        }
      }
      if (type.name === 'MatchOp') equals = word === '=';
      if (type.name === 'StringLiteral' && equals) {
        const known = values.get(`${metric} ${label}`);
        if (known !== undefined && !known.has(word.slice(1, -1))) found.push(`${metric} has no ${label} ${word}`);
      }
    },
  });
  const all = new Set([...OF_PROMETHEUS, ...metricsIn.flatMap((name) => labels.get(name) ?? [])]);
  return [...found, ...grouped.filter((name) => !all.has(name)).map((name) => `grouped by ${name}, which is no label`)];
}

test('every alert and every panel asks for metrics, labels and values that the program serves', async () => {
  const all = await served();
  for (const { alert, expr } of rules) assert.deepEqual(faults(expr, all), [], alert);
  for (const { title, targets } of dashboard.panels) {
    assert.ok(targets.length > 0, title);
    for (const { expr, legendFormat } of targets) {
      assert.deepEqual(faults(expr, all), [], `${title}: ${expr}`);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        assert.match(expr, new RegExp(`\\b${label}\\b|^nodejs|^process`));
    }
  }
  for (const { name, query } of dashboard.templating.list.slice(1)) {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec((query as { query: string }).query)!;
    assert.ok([...OF_PROMETHEUS, ...all.labels.get(metric!)!].includes(label!), name);
  }
});

test('the check finds what is wrong', async () => {
  const all = await served();
  assert.deepEqual(faults('holdfast_nothing > 0', all), ['no metric holdfast_nothing']);
  assert.deepEqual(faults('holdfast_outcomes_total{tool="x"}', all), ['holdfast_outcomes_total has no label tool']);
  assert.deepEqual(faults('sum by (grant) (holdfast_alarms)', all), ['grouped by grant, which is no label']);
  assert.deepEqual(faults('holdfast_events_total{type="seal.brokn"}', all), [
    'holdfast_events_total has no type "seal.brokn"',
  ]);
  assert.deepEqual(faults('holdfast_alarms_by_kind{kind="back"}', all), ['holdfast_alarms_by_kind has no kind "back"']);
  assert.match(faults('sum by (server (x)', all).join(), /not PromQL/);
});

test('each alert has a severity, words, and a row that says what to do', () => {
  const table = text('docs/operations.md');
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, labels, annotations } of rules) {
    assert.ok(['critical', 'warning'].includes(labels.severity), alert);
    assert.ok(annotations.summary && annotations.description, alert);
    assert.match(table, new RegExp(`^\\| \`${alert}\` \\| ${labels.severity} \\| .+ \\| .{20,} \\|$`, 'm'), alert);
  }
});

test('no two panels of the dashboard lie on each other', () => {
  const taken = new Map<string, string>();
  for (const { title, gridPos } of dashboard.panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.equal(taken.get(`${x} ${y}`), undefined, `${title} lies on ${taken.get(`${x} ${y}`)}`);
        taken.set(`${x} ${y}`, title);
      }
    }
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});
