import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoggedEvent } from '../../src/domain/log/event.ts';
import { activityPage } from '../../src/web/pages/activity.ts';

const eventAt = (n: number, ms: number, rule: string): LoggedEvent =>
  ({
    n,
    at: new Date(ms),
    type: 'method.relayed',
    actor: 'grant:bot',
    server: 'tools',
    tool: null,
    approval: null,
    data: { method: `method/${n}`, rule },
  }) as unknown as LoggedEvent;

test('Activity is in the order of its times, and a method that no rule names is not said to have one', async () => {
  const page = String(
    await activityPage([eventAt(3, 1_000, 'none'), eventAt(2, 1_005, 'methods.default')], 3, new Map()),
  );
  assert.ok(page.indexOf('method/2') < page.indexOf('method/3'), page);
  assert.match(page, /method\/3[\s\S]*no rule names it/);
  assert.match(page, /rule <bdi class="name">methods\.default/);
});
