import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import {
  axeFaults,
  type ConsoleWorld,
  complaintsOf,
  consoleWorld,
  openBrowser,
  openWindow,
  signIn,
} from '../../support/console/browser.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `  "slow_*": { risk: write, action: require_approval, approval: { approvers: [security], timeout: 5h } }
  soon_key: { risk: execute, action: require_approval, approval: { approvers: [security], timeout: 10m } }
  other_key: { risk: write, action: require_approval, approval: { approvers: [others], timeout: 5m } }
`;
const PEOPLE = `  others: [U0MIRA]
people:
  mira: { slack: U0MIRA, roles: [approver] }
  sam: { slack: U0SAM, roles: [approver] }
  ada: { slack: U0ADA, admin_token: true, roles: [approver, operator] }
`;

describe('What a reviewer sees in the console', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let release: Client;
  let nightly: Client;
  let complaints: string[];

  before(async () => {
    const server = ', environment: production, account: acme-eu';
    [world, browser] = await Promise.all([consoleWorld({ policy: POLICY, config: PEOPLE, server }), openBrowser()]);
    context = await openWindow(browser, { timezoneId: 'Asia/Kolkata', viewport: { width: 1280, height: 900 } });
    complaints = complaintsOf(context);
    page = await context.newPage();
    [release, nightly] = await Promise.all([world.agent(), world.agent('nightly-bot')]);
    await release.listTools();
    await signIn(page, world.url);
    // A grant may have twenty waiting.
    for (const n of Array.from({ length: 29 }, (_, i) => i))
      void call(n < 19 ? nightly : release, 'slow_key', { name: `slow-${n}`, note: n === 7 ? 'a needle' : '' });
    void call(release, 'soon_key', { name: 'soon' });
    void call(nightly, 'other_key', { name: 'for others' });
    await eventually(
      'all wait',
      async () => {
        await page.goto(`${world.url}/`);
        return (await page.title()).startsWith('(31) ') || null;
      },
      30_000,
    );
  });

  after(async () => {
    await browser?.close();
    await world?.close();
  });

  const call = (agent: Client, name: string, args: Record<string, unknown>): Promise<unknown> =>
    agent.callTool({ name, arguments: args }).catch(() => null);
  const cards = () => page.locator('article.card');

  it('shows first what waits for them and expires first, in pages, with counts that are true everywhere', async () => {
    await page.goto(`${world.url}/`);
    assert.match((await cards().first().textContent()) ?? '', /soon_key/);
    assert.equal(await cards().count(), 25);
    assert.match(
      (await page.locator('#tally').textContent()) ?? '',
      /31 waiting · 30 for you, which come first; here 1 to 25/,
    );
    assert.equal((await page.locator('#waiting').textContent())?.replace(/\D/g, ''), '31');
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.waitForURL(/after=/);
    assert.equal(await cards().count(), 6);
    assert.match((await cards().last().textContent()) ?? '', /for others/, 'though it expires before all others');
    await page.goto(`${world.url}/overview`);
    assert.match((await page.locator('.tiles').textContent()) ?? '', /Waiting now31/);
  });

  it('filters and searches, and the address of the page is the filter', async () => {
    await page.goto(`${world.url}/`);
    await page.keyboard.press('/');
    await page.keyboard.type('a NEEDLE');
    await page.keyboard.press('Enter');
    await page.waitForURL(/text=a\+NEEDLE/);
    assert.equal(await cards().count(), 1);
    assert.match((await page.locator('#tally').textContent()) ?? '', /1 of 31 match/);
    await page.goto(`${world.url}/?risk=execute&agent=release-bot&server=prometheus&tool=SOON&mine=yes`);
    assert.equal(await cards().count(), 1);
    await page.goto(`${world.url}/?agent=nobody`);
    await page.getByText('None of the 31 waiting calls matches').waitFor();
    assert.deepEqual(await axeFaults(page), []);
  });

  it('says where a call acts, what the tool is, whose agent asks, and what became of the same call before', async () => {
    await page.goto(`${world.url}/?text=soon`);
    const text = (await cards().first().textContent()) ?? '';
    for (const words of ['production', 'acme-eu', 'execute', 'sam', 'U0SAM']) assert.ok(text.includes(words), words);
    void call(release, 'create_api_key', { name: 'before', role: 'viewer' });
    await eventually('it waits', async () => {
      await page.goto(`${world.url}/?text=before`);
      return (await cards().count()) === 1 || null;
    });
    assert.match(
      (await cards().first().textContent()) ?? '',
      /The server says of this tool, unverified: Creates an API key/,
    );
    await cards().first().getByLabel('Reason').fill('not now');
    await cards().first().getByRole('button', { name: 'Deny' }).click();
    await page.getByText('Denied: prometheus.create_api_key.').first().waitFor();
    void call(release, 'create_api_key', { name: 'before', role: 'viewer' });
    await eventually('it waits again', async () => {
      await page.goto(`${world.url}/?text=before`);
      return (await cards().count()) === 1 || null;
    });
    await page.locator('.earlier', { hasText: 'The same call before: just now denied' }).waitFor();
    await page.locator('.earlier a').click();
    await page.locator('.asks', { hasText: 'wanted to run this' }).waitFor();
    await page.locator('.facts', { hasText: 'Needed' }).waitFor();
    await page.locator('#story', { hasText: 'ada (admin)' }).waitFor();
  });

  it('shows times in the browser’s zone, also those that are searched for, and exports what it shows', async () => {
    await page.goto(`${world.url}/audit?from=2026-01-01T00:00`);
    assert.match((await page.locator('thead th').first().textContent()) ?? '', /Time \((GMT\+5:30|IST)\)/);
    assert.match(await page.getByLabel('From (').inputValue(), /^2026-01-01T05:30/);
    const shown = (await page.locator('tbody time').first().textContent()) ?? '';
    const utc = (await page.locator('tbody time').first().getAttribute('datetime')) ?? '';
    assert.equal(Date.parse(`${shown.replace(' ', 'T')}+05:30`), Date.parse(utc.replace(/\.\d+/, '')));
    await page.getByRole('button', { name: 'Search' }).click();
    await page.waitForURL(/from=2026-01-01T00%3A00%3A00/);
    const [found] = await Promise.all([page.waitForEvent('download'), page.getByText('Export what it finds').click()]);
    const lines = (await readFile(await found.path(), 'utf8')).trim().split('\n');
    assert.ok(lines.length > 60, `${lines.length} events, more than one page`);
    assert.equal(typeof (JSON.parse(lines[0]!) as { n: unknown }).n, 'number');
    await page.goto(`${world.url}/?text=soon`);
    await cards().first().locator('h3 a').click();
    const [story] = await Promise.all([page.waitForEvent('download'), page.getByText('Export this story').click()]);
    const told = JSON.parse(await readFile(await story.path(), 'utf8')) as {
      approval: { tool: string };
      events: unknown[];
    };
    assert.ok(told.approval.tool === 'soon_key' && told.events.length >= 1);
  });

  it('leads a keyboard to the first call in two steps, and from call to call', async () => {
    await page.goto(`${world.url}/`);
    for (const words of ['Skip to content', 'Skip to the first waiting call']) {
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate('document.activeElement.textContent'), words);
    }
    await page.keyboard.press('Enter');
    assert.match(String(await page.evaluate('document.activeElement.id')), /^card-ap_/);
    await page.keyboard.press('j');
    const second = await page.evaluate('document.activeElement.closest(".card").id');
    await page.keyboard.press('j');
    assert.notEqual(await page.evaluate('document.activeElement.closest(".card").id'), second);
    await page.keyboard.press('k');
    assert.equal(await page.evaluate('document.activeElement.closest(".card").id'), second);
  });

  it('shows on a phone that the navigation goes on', async () => {
    const phone = await openWindow(browser, { viewport: { width: 390, height: 800 } });
    const small = await phone.newPage();
    await signIn(small, world.url);
    await small.locator('nav.more-after').waitFor();
    await small.locator('.bar nav ul').evaluate((list) => list.scrollTo(9_999, 0));
    await small.locator('nav.more-before:not(.more-after)').waitFor();
    assert.deepEqual(await axeFaults(small), []);
    await phone.close();
  });

  it('broke no script and no rule of the console’s own policy on the way', () => assert.deepEqual(complaints, []));
});
