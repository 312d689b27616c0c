/**
 * `node test/pictures/look.ts FOLDER`: a picture of each page, dialog, card and modal for people to look at, in light and dark, on a desk
 * and on a phone, and what axe finds on it. Needs Chromium. The pictures of the documentation are taken by its neighbours.
 */
import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { startSlackStandIn } from '../../src/demo/slack/stand-in.ts';
import {
  ADMIN_TOKEN,
  axeFaults,
  type ConsoleWorld,
  consoleWorld,
  openBrowser,
  openWindow,
  ROOMS,
  signIn,
} from '../support/console/browser.ts';
import { eventually } from '../support/wait.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('node test/pictures/look.ts FOLDER');
mkdirSync(folder, { recursive: true });

const CHANNEL = 'C0APPROVALS';
const POLICY = `version: "1"
default: deny
tools:
  query: { risk: read }
  create_api_key:
    risk: write
    severity: medium
    action: require_approval
    reason: Creates a credential that outlives the session.
    approval:
      approvers: [security]
      deny_reason: required
      summary: 'Create an API key "{args.name}" with role {args.role}'
      preview: { tool: query, args: { expr: count(keys) } }
      allowance: { max_minutes: 15, max_calls: 5, may_vary: [args.name], within: [{ path: args.name, op: starts_with, value: ci- }] }
  run_sql: { risk: execute, severity: high, action: require_approval, reason: Runs SQL on the production database. }
  edit_file: { risk: write, action: require_approval }
`;
const SQL =
  "select id, email\nfrom customers\nwhere created_at > now() - interval '7 days'\norder by id;\ndelete from sessions where user_id = 7;";
const EDIT = {
  path: 'deploy/values.yaml',
  old_string: 'replicas: 2\nimage: api:1.4.0\nlogLevel: info\n',
  new_string: 'replicas: 20\nimage: api:1.5.0\nlogLevel: info\n',
};
const LOOKS = [
  ['desk-light', 1280, 'light'],
  ['desk-dark', 1280, 'dark'],
  ['phone-light', 390, 'light'],
  ['phone-dark', 390, 'dark'],
] as const;

const slack = await startSlackStandIn({ rates: false });
const world = await consoleWorld({
  wholePolicy: POLICY,
  config: 'approval: { openings: 1000/second, max_pending: 60 }\nslack: { channel: C0APPROVALS }\n',
  env: {
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_SIGNING_SECRET: slack.signingSecret,
    SLACK_API_URL: slack.apiUrl,
    SLACK_CHANNEL: CHANNEL,
  },
});
slack.interactivityUrl = `${world.url}/slack/events`;
const browser = await openBrowser();
try {
  await calls(world);
  await inSlack(browser);
  for (const [name, width, colorScheme] of LOOKS) {
    const context = await openWindow(browser, { viewport: { width, height: 800 }, colorScheme });
    await inConsole(context, name);
    await context.close();
  }
} finally {
  await browser.close();
  await world.close();
  await slack.close();
}

/** What waits: one of each kind, and a burst. */
async function calls(of: ConsoleWorld): Promise<void> {
  const [release, nightly] = [await of.agent(), await of.agent('nightly-bot')];
  const ask = (by: typeof release, tool: string, args: Record<string, unknown>) =>
    void by
      .callTool({ name: tool, arguments: args, _meta: { 'holdfast/reason': 'The nightly build needs it.' } })
      .catch(() => undefined);
  ask(release, 'run_sql', { query: SQL });
  ask(release, 'edit_file', EDIT);
  for (let n = 1; n <= 8; n += 1) ask(nightly, 'create_api_key', { name: `ci-${n}`, role: 'viewer' });
  await eventually('all wait', async () => (await pending()).length === 10);
}

async function pending(): Promise<{ id: string; tool: string }[]> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return (
    (await (await fetch(`${world.url}/api/approvals?state=pending`, { headers })).json()) as {
      items: { id: string; tool: string }[];
    }
  ).items;
}

async function inSlack(on: Browser): Promise<void> {
  const page = await on.newPage({ viewport: { width: 960, height: 1400 } });
  const look = (channel = CHANNEL) => page.goto(`${slack.url}/?as=U0MIRA&channel=${channel}`);
  const shoot = (name: string) => page.screenshot({ path: `${folder}/slack-${name}.png` });
  const burst = await slack.waitFor(
    () => slack.messages(CHANNEL).find(({ blocks }) => JSON.stringify(blocks).includes('approve_these')) ?? null,
    60_000,
  );
  await look();
  for (const message of slack.messages(CHANNEL))
    await page
      .locator(`.messages > article[data-ts="${message.ts}"]`)
      .screenshot({ path: `${folder}/slack-card-${message.ts}.png` });
  const modal = async (name: string, ts: string, actionId: string): Promise<void> => {
    await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId });
    await page.locator('.modal').waitFor();
    await page.waitForTimeout(500);
    await shoot(name);
    const inner = page.locator('.modal .inner');
    await inner.evaluate('(node) => node.scrollTo(0, 1e6)');
    await shoot(`${name}-end`);
    while (slack.openViews('U0MIRA').length > 0) await slack.closeView({ user: 'U0MIRA', clear: true });
    await page.locator('.modal').waitFor({ state: 'detached' });
  };
  await modal('approve-these', burst.ts, 'approve_these');
  const key = slack.messages(CHANNEL).find(({ blocks }) => JSON.stringify(blocks).includes('"allow"'))!;
  await modal('allow', key.ts, 'allow');
  await modal('deny', key.ts, 'deny');
  for (const actionId of ['counter', 'details'])
    await modal(actionId, key.ts, actionId).catch((error) => console.log(actionId, String(error).slice(0, 200)));
  await look('home');
  await page.locator('[data-home] button').first().waitFor();
  await shoot('home');
}

async function inConsole(context: BrowserContext, look: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${world.url}/login`);
  await shoot(page, `${look}-login`);
  await signIn(page, world.url);
  for (const path of ROOMS) {
    await page.goto(`${world.url}${path}`);
    await shoot(page, `${look}${path === '/' ? '-inbox' : path.replace('/', '-')}`);
  }
  const [one] = (await pending()).filter(({ tool }) => tool === 'create_api_key');
  await page.goto(`${world.url}/approvals/${one!.id}`);
  await shoot(page, `${look}-approval`);
  await page.evaluate("for (const each of document.querySelectorAll('main details.advance')) each.open = true");
  await shoot(page, `${look}-approval-open`);
  await page.goto(`${world.url}/`);
  await page.locator('.live.on').waitFor();
  await page.keyboard.press('?');
  await page.locator('dialog.key-help').waitFor();
  await shoot(page, `${look}-keys`, false);
  await page.keyboard.press('Escape');
  const boxes = page.locator('[data-pick]');
  for (let n = 0; n < Math.min(3, await boxes.count()); n += 1) await boxes.nth(n).check();
  await shoot(page, `${look}-ticked`, false);
  await page.locator('[data-batch] [data-choice=approve]').click();
  await page.locator('dialog[open]').waitFor();
  await shoot(page, `${look}-batch`, false);
}

async function shoot(page: Page, name: string, fullPage = true): Promise<void> {
  await page.waitForTimeout(700);
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage });
  for (const fault of await axeFaults(page)) console.log(`${name}: ${fault}`);
  const wide = Number(
    await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  );
  if (wide > 0) console.log(`${name}: ${wide} pixels wider than the screen`);
}
