import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import {
  ADMIN_TOKEN,
  axeFaults,
  type ConsoleWorld,
  complaintsOf,
  consoleWorld,
  openBrowser,
  openWindow,
  signIn,
} from '../../support/console/browser.ts';
import { eventually } from '../../support/wait.ts';

interface EventView {
  readonly type: string;
  readonly actor: string;
  readonly server: string | null;
  readonly data: { readonly what?: string; readonly tools?: readonly { readonly name: string }[] };
}

describe('The Policies page', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  before(async () => {
    [world, browser] = await Promise.all([consoleWorld(), openBrowser()]);
    const context = await openWindow(browser);
    complaints = complaintsOf(context);
    page = await context.newPage();
    await signIn(page, world.url);
  });

  after(async () => {
    await browser?.close();
    await world?.close();
  });

  async function events(types: string): Promise<EventView[]> {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const answer = await fetch(`${world.url}/api/events?type=${types}`, { headers });
    return ((await answer.json()) as { items: EventView[] }).items;
  }
  const row = (tool: string) => page.locator('tbody tr', { has: page.getByText(tool, { exact: true }) });
  const ask = () => page.getByRole('button', { name: /^Ask the server now/ });

  it('says that a server’s tools were never listed, and asks it for them on a reviewer’s word, which is in the log', async () => {
    await page.goto(`${world.url}/policies`);
    await page.getByText('No agent has listed this server').waitFor();
    assert.equal(await row('delete_workspace').getByText('guess:').count(), 0);
    await ask().click();
    await page.getByText(/\d+ tools, as the server last listed them/).waitFor();
    // No rule states its risk, so the page says what it looks like, and that it is hidden.
    await row('delete_workspace').getByText('guess: destructive').waitFor();
    await row('delete_workspace').getByText('hidden').waitFor();
    assert.match(
      (await row('create_api_key').textContent()) ?? '',
      /ask.*write · medium severity.*tools\.create_api_key/s,
    );
    const asked = (await events('admin.read')).filter((event) => event.data.what === 'tools/list');
    assert.deepEqual(
      asked.map(({ actor, server }) => [actor, server]),
      [['admin', 'prometheus']],
    );
    const listed = await events('tools.listed');
    assert.equal(listed.length, 1);
    assert.equal(listed[0]!.actor, 'admin');
    assert.deepEqual(await axeFaults(page), []);
  });

  it('learns from the lists that agents get, hidden tools too, and says when the list was last seen', async () => {
    const before = await page.locator('.listed time').first().getAttribute('datetime');
    const agent = await world.agent();
    const { tools } = await agent.listTools();
    assert.ok(!tools.some((tool) => tool.name === 'delete_workspace'), 'the agent does not see it');
    await eventually('the page says that the list was seen again', async () => {
      await page.goto(`${world.url}/policies`);
      return (await page.locator('.listed time').first().getAttribute('datetime')) !== before ? true : null;
    });
    await page.getByText('unchanged since').waitFor();
    assert.equal((await events('tools.listed')).length, 1, 'the same list is no news');
    await row('delete_workspace').getByText('hidden').waitFor();
  });

  it('asks no server for anybody else’s page, and none by GET', async () => {
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const post = (headers: Record<string, string>) =>
      fetch(`${world.url}/console/tools`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', ...headers },
        body: '{"server":"prometheus"}',
      });
    const asked = async () => (await events('admin.read')).filter((event) => event.data.what === 'tools/list').length;
    const count = await asked();
    assert.equal((await post({})).status, 403);
    assert.equal((await post({ origin: 'http://evil.example' })).status, 403);
    assert.equal((await post({ origin: world.url, 'content-type': 'text/plain' })).status, 403);
    assert.equal((await post({ origin: world.url, cookie: '' })).status, 401);
    assert.notEqual((await fetch(`${world.url}/console/tools`, { headers: { cookie } })).status, 200);
    assert.equal(await asked(), count);
    const unknown = await fetch(`${world.url}/console/tools`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json', origin: world.url },
      body: '{"server":"__proto__"}',
    });
    assert.equal(unknown.status, 404);
  });

  it('broke no script and no rule of its own policy on the way', () => assert.deepEqual(complaints, []));

  it('says why a server did not answer, and keeps what it knew', async () => {
    await world.prometheus.close();
    await page.goto(`${world.url}/policies`);
    await ask().click();
    await page.locator('#announcement', { hasText: 'prometheus did not list its tools' }).waitFor();
    assert.equal(await ask().isEnabled(), true);
    await row('delete_workspace').getByText('hidden').waitFor();
  });
});
