/** Takes the pictures for docs/slack.md from the stand-in's page: `node test/pictures/slack.ts`. Needs Chromium. */
import { mkdirSync } from 'node:fs';
import { type Page, chromium as playwright } from 'playwright-core';
import { Agent, noteOf, type Sent } from '../support/agent/agent.ts';
import { CHANNEL, openHouse } from '../support/gateway/program.ts';
import { chromium } from '../support/installed.ts';
import { countingUpstream } from '../support/upstream/counting.ts';
import { eventually } from '../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_api_key:
    risk: write
    severity: high
    action: require_approval
    reason: Creates a credential that outlives the session.
    redact: [args.seed]
    approval: { approvers: [security], deny_reason: required }
  transfer_funds:
    risk: financial
    severity: critical
    ask_if: [{ path: args.amount, op: gt, value: 1000, reason: More than 1000 in one transfer. }]
    approval: { approvers: [security], quorum: 2, escalate: { after: 1s, to: [oncall] } }
  rotate_key: { risk: write, action: require_approval, reason: Breaks whoever still uses the old key. }
  run_query: { risk: execute, action: require_approval, reason: Runs SQL on the production database., approval: { timeout: 1s } }
`;
const KEY = { name: 'ci-dashboard', role: 'viewer', expires_in_days: 30, seed: 'not for Slack' };
const WHY = 'The nightly dashboard build needs read access; the old key expired yesterday.';
const PATIENT = { progressToken: 1 };
const FOLDER = new URL('../../docs/images/', import.meta.url).pathname;

mkdirSync(FOLDER, { recursive: true });
const upstream = await countingUpstream();
const house = await openHouse({
  servers: { prometheus: { at: `url: "${upstream.url}"`, policy: POLICY } },
  approvers: '[U0MIRA, U0ALEX, S0123ABC]\n  oncall: [U0KIM]',
  approval:
    '{ timeout: 30m, pickup: 6s, max_pending: 5, hold: { default: 300ms, progress: 10m }, approvers: [security] }',
  grants: ['release-bot'],
  env: { HOLDFAST_PUBLIC_URL: 'https://holdfast.example.com' },
});
house.slack.addUser({ id: 'U0KIM', name: 'kim', real_name: 'Kim' });
house.slack.channel(CHANNEL).members.push('U0KIM');
const executablePath = chromium();
if (executablePath === null) throw new Error('no chromium on the PATH');
const browser = await playwright.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const gateway = await house.start();
  const agent = await Agent.open(`${gateway.url}/mcp/prometheus`, house.tokens['release-bot']!);
  const page = await browser.newPage({ viewport: { width: 960, height: 1000 }, timezoneId: 'Europe/Berlin' });
  // A redraw while the picture is taken would remove the card.
  const tall = { viewport: { width: 960, height: 1600 }, timezoneId: 'Europe/Berlin' };
  const still = await browser.newPage({ ...tall, bypassCSP: true });
  await still.route('**/page/changes', (route) => route.abort());
  const look = async (user: string, where = page): Promise<void> => {
    await where.goto(`${house.slack.url}/?as=${user}&channel=${CHANNEL}`);
  };
  const card = (ts: string) => page.locator(`.messages > article[data-ts="${ts}"]`);
  const shoot = async (name: string, ts: string): Promise<void> => {
    await look('U0MIRA', still);
    // It says that no changes come, which is meant here, and would lie over a card at the bottom.
    await still.addStyleTag({ content: '#toast { display: none }' });
    await still.locator(`.messages > article[data-ts="${ts}"]`).screenshot({ path: `${FOLDER}slack-${name}.png` });
  };
  const open = async (
    tool: string,
    args: Record<string, unknown>,
    behave?: typeof upstream.behave,
    more: Record<string, unknown> = {},
  ) => {
    if (behave) upstream.behave = behave;
    const why = args === KEY ? { 'holdfast/reason': WHY } : {};
    const sent = agent.call(tool, args, { meta: { ...PATIENT, ...why, ...more } });
    const { id } = await gateway.pending(tool, args.name === undefined ? {} : { name: args.name });
    return { id, sent, ts: (await house.card(id)).ts };
  };
  const click = (ts: string, user = 'U0MIRA', actionId = 'approve') =>
    house.slack.click({ user, channel: CHANNEL, ts, actionId });
  const over = async (id: string, state: string, says: RegExp, replies = 1): Promise<void> => {
    await gateway.reaches(id, state, 30_000);
    await house.card(id, says, 30_000);
    await eventually('the thread tells it', () => (inThread(id) >= replies ? true : null));
  };
  const inThread = (id: string): number => {
    const found = house.slack.messages(CHANNEL).find((one) => JSON.stringify(one.metadata ?? {}).includes(id));
    return found === undefined ? 0 : house.slack.replies(CHANNEL, found.ts).length;
  };

  await pending(page);
  await ends();
  await windows(page);
  await crowded();

  async function pending(where: Page): Promise<void> {
    const { id, ts, sent } = await open('create_api_key', KEY);
    await shoot('pending', ts);
    await look('U0MIRA');
    await card(ts).getByRole('button', { name: 'Approve' }).click();
    await where.locator('dialog#confirm').screenshot({ path: `${FOLDER}slack-confirm.png` });
    upstream.behave = () => new Promise((resolve) => setTimeout(() => resolve({ text: 'done' }), 1_500));
    await where.locator('dialog#confirm button[value=yes]').click();
    await house.card(id, /Approved, running/);
    await shoot('running', ts);
    await sent.answer;
    upstream.behave = () => ({ text: 'done' });
    await over(id, 'succeeded', /Approved and done/, 2);
    await shoot('succeeded', ts);
  }

  async function ends(): Promise<void> {
    const failed = await open('rotate_key', { name: 'failed' }, () => ({ text: 'no such key', isError: true }));
    await click(failed.ts);
    await over(failed.id, 'failed', /the call failed/);
    await shoot('failed', failed.ts);
    const unknown = await open('rotate_key', { name: 'unknown' }, () => 'reset');
    await click(unknown.ts);
    await over(unknown.id, 'unknown', /Outcome unknown/);
    await shoot('unknown', unknown.ts);
    const withdrawn = await open('rotate_key', { name: 'withdrawn' }, () => ({ text: 'done' }));
    await agent.cancel(withdrawn.sent.id);
    await over(withdrawn.id, 'withdrawn', /Withdrawn/);
    await shoot('withdrawn', withdrawn.ts);
    const gaveUp = await open('rotate_key', { name: 'gave up' });
    await agent.cancel(gaveUp.sent.id, 'McpError: MCP error -32001: Request timed out');
    await house.card(gaveUp.id, /gave up waiting/);
    await shoot('gave-up', gaveUp.ts);
    const expired = await open('run_query', { name: 'expired', sql: 'delete from sessions where age > 30' });
    await over(expired.id, 'expired', /Expired/);
    await shoot('expired', expired.ts);
    const { id } = noteOf(await agent.call('rotate_key', { name: 'lapsed' }).answer);
    const { ts } = await house.card(id);
    await click(ts);
    await over(id, 'approved', /not run yet/);
    await shoot('approved', ts);
    await over(id, 'lapsed', /never run/, 2);
    await shoot('lapsed', ts);
    const two = await open('transfer_funds', { name: 'payroll', to: 'DE02 1203 0000 0000 2020 51', amount: 48_200 });
    await click(two.ts);
    await house.card(two.id, /Since .* also/, 20_000);
    await eventually('both lines are there', () => (house.slack.replies(CHANNEL, two.ts).length > 1 ? true : null));
    await shoot('escalated', two.ts);
    await click(two.ts, 'U0KIM');
    await two.sent.answer;
  }

  async function windows(where: Page): Promise<void> {
    const denied = await open('create_api_key', { ...KEY, role: 'admin', name: 'everything' });
    await look('U0ALEX');
    await card(denied.ts).getByRole('button', { name: 'Deny…' }).click();
    await where.locator('textarea').fill('viewer is enough for a dashboard');
    await where.locator('.modal').screenshot({ path: `${FOLDER}slack-deny.png` });
    await where.locator('[data-submit]').click();
    await over(denied.id, 'denied', /Denied/);
    await shoot('denied', denied.ts);
    const also = await open('rotate_key', { name: 'ci-dashboard' }, undefined, {
      'acme.com/tenant': 'north',
      'acme.com/options': { force: true },
    });
    await shoot('also-sent', also.ts);
    await click(also.ts);
    await also.sent.answer;
    const hidden = await open('rotate_key', { name: 'ci-dashboard', token: 'not for Slack' });
    await shoot('hidden', hidden.ts);
    await agent.cancel(hidden.sent.id);
    const lines = Array.from(
      { length: 40 },
      (_, n) => `grant select on accounts_${n} to dashboard; -- shard ${n} of 40`,
    );
    const long = await open('rotate_key', { name: 'long', statement: lines.join('\n'), target: 'production' });
    await shoot('incomplete', long.ts);
    await look('U0MIRA');
    await card(long.ts).getByRole('button', { name: 'Review and approve…' }).click();
    await where.locator('.modal').screenshot({ path: `${FOLDER}slack-full-view.png` });
    await where.locator('[data-submit]').click();
    await long.sent.answer;
    // A late click is told the truth, and only the person who clicked is told.
    await click(long.ts, 'U0ALEX', 'review');
    await eventually('Alex is told', () => (house.slack.ephemerals('U0ALEX').length > 0 ? true : null));
    await look('U0ALEX');
    await where
      .locator('.only-you')
      .last()
      .screenshot({ path: `${FOLDER}slack-late.png` });
  }

  async function crowded(): Promise<void> {
    const waiting: Sent[] = [];
    const others = (await gateway.approvals('pending')).length;
    for (let n = others; n < 5; n++) waiting.push((await open('rotate_key', { name: `crowd ${n}` })).sent);
    await agent.call('rotate_key', { name: 'one too many' }).answer;
    const line = await eventually('the channel is told', () => {
      return house.slack.messages(CHANNEL).find((message) => /has 5 calls waiting/.test(message.text)) ?? null;
    });
    await shoot('crowded', line.ts);
    for (const sent of waiting) sent.disconnect();
  }
} finally {
  await browser.close();
  await house.close();
  await upstream.close();
}
