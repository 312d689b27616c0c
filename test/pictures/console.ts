/**
 * Takes the pictures of docs/console.md: `node test/pictures/console.ts`. Needs chromium. It leaves out the overview, which
 * takes a day of calls to look like anything.
 */
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { startSlackStandIn } from '../../src/demo/slack/stand-in.ts';
import { type ConsoleWorld, consoleWorld, signIn } from '../support/console/browser.ts';
import { chromium } from '../support/installed.ts';
import { eventually } from '../support/wait.ts';

const FOLDER = new URL('../../docs/images/', import.meta.url).pathname;
const CHANNEL = 'C0APPROVALS';
const TOOL = 'create_api_key';
const KEY = { name: 'ci-dashboard', role: 'viewer', api_token: 'hunter2' };
const ODD = {
  name: 'metrics\u202egpj.exe',
  role: 'editor',
  note: 'line one\nline two\u200b',
  tags: ['a', 'b'],
  limit: 25,
  dry_run: false,
};

const executablePath = chromium();
if (executablePath === null) throw new Error('no chromium on the PATH');
const browser = await playwright.launch({ executablePath, args: ['--no-sandbox'] });
try {
  await pages(browser);
  await card(browser);
} finally {
  await browser.close();
}

/** The inbox, wide and on a phone, and the story of a call that was approved in the console. */
async function pages(browser: Browser): Promise<void> {
  const world = await consoleWorld();
  try {
    const page = await signedIn(browser, world, { width: 1100, height: 760 });
    const [release, nightly] = [await world.agent(), await world.agent('nightly-bot')];
    const approved = release.callTool({ name: TOOL, arguments: KEY });
    await page.locator('article.card').getByLabel('Reason').fill('fine for CI');
    await page.locator('article.card').getByRole('button', { name: 'Approve' }).click();
    await approved;
    const story = await page.locator('#recent a').first().getAttribute('href');
    await reloadUntil(page, `${world.url}${story}`, '.chain.good', 'The chain is intact');
    await page.screenshot({ path: `${FOLDER}console-approval.png` });

    const waiting = [
      nightly.callTool({ name: TOOL, arguments: ODD }),
      release.callTool({ name: TOOL, arguments: { name: 'staging', role: 'viewer' } }),
      release.callTool({ name: TOOL, arguments: { name: 'release-notes', role: 'viewer' } }),
    ];
    await page.setViewportSize({ width: 1100, height: 700 });
    await inbox(page, world.url);
    await page.screenshot({ path: `${FOLDER}console-approvals.png` });
    const phone = await signedIn(browser, world, { width: 390, height: 760 }, 'dark');
    await inbox(phone, world.url);
    await phone.screenshot({ path: `${FOLDER}console-phone.png` });

    for (const name of ['metrics', 'staging', 'release-notes']) {
      const denied = page.locator('article.card', { hasText: name });
      await denied.getByLabel('Reason').fill('only for the picture');
      await denied.getByRole('button', { name: 'Deny' }).click();
      await denied.locator('.over').waitFor();
    }
    await Promise.all(waiting);
  } finally {
    await world.close();
  }
}

/** A decision in Slack with the card on which it was made. */
async function card(browser: Browser): Promise<void> {
  const slack = await startSlackStandIn({ rates: false });
  const { botToken, signingSecret, apiUrl } = slack;
  const env = {
    SLACK_BOT_TOKEN: botToken,
    SLACK_SIGNING_SECRET: signingSecret,
    SLACK_API_URL: apiUrl,
    SLACK_CHANNEL: CHANNEL,
  };
  const world = await consoleWorld({ env });
  try {
    slack.interactivityUrl = `${world.url}/slack/events`;
    const page = await signedIn(browser, world, { width: 1280, height: 1600 });
    const agent = await world.agent();
    const reason = { 'holdfast/reason': 'The dashboard needs a key of its own' };
    const call = agent.callTool({ name: TOOL, arguments: KEY, _meta: reason });
    const { ts } = await slack.waitFor(
      () => slack.messages(CHANNEL).find((message) => JSON.stringify(message.blocks).includes(KEY.name)) ?? null,
      20_000,
    );
    await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    await call;
    await page.goto(world.url);
    const story = await page.locator('#recent a').first().getAttribute('href');
    await reloadUntil(page, `${world.url}${story}`, '.chain.good', 'The chain is intact');
    const decided = page.locator('#story li', { hasText: 'What the approver saw' });
    await decided.getByText('What the approver saw').click();
    await decided.screenshot({ path: `${FOLDER}console-card.png` });
  } finally {
    await world.close();
    await slack.close();
  }
}

async function signedIn(
  browser: Browser,
  world: ConsoleWorld,
  viewport: { width: number; height: number },
  colorScheme: 'light' | 'dark' = 'light',
): Promise<Page> {
  const page = await browser.newPage({ viewport, colorScheme });
  await signIn(page, world.url);
  return page;
}

async function inbox(page: Page, url: string): Promise<void> {
  await eventually('all calls are parked', async () => {
    await page.goto(url);
    return (await page.locator('article.card').count()) === 3 || null;
  });
  await page.locator('.live.on').waitFor();
}

function reloadUntil(page: Page, url: string, selector: string, hasText: string): Promise<boolean> {
  return eventually(hasText, async () => {
    await page.goto(url);
    return (await page.locator('.live.on').count()) + (await page.locator(selector, { hasText }).count()) > 1 || null;
  });
}
