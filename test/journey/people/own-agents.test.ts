import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Browser } from 'playwright-core';
import {
  ADMIN_TOKEN,
  axeFaults,
  complaintsOf,
  openBrowser,
  openWindow,
  pressed,
} from '../../support/console/browser.ts';
import type { Jar } from '../../support/people/browserless.ts';
import { type PeopleWorld, peopleWorld } from '../../support/people/world.ts';
import { eventually } from '../../support/wait.ts';

const PEOPLE = `people:
  mira: { slack: U0MIRA, login: mira, roles: [approver] }
  sam: { slack: U0SAM, login: sam, roles: [auditor] }
  olga: { slack: U0OLGA, login: olga, roles: [operator] }
`;
interface Listed {
  readonly id: string;
  readonly state: string;
  readonly arguments: { readonly name?: string };
  readonly fingerprint: string;
}

describe('The page of one’s own agents', () => {
  let world: PeopleWorld;
  let browser: Browser;
  let [sam, mira] = [] as unknown as [Jar, Jar];
  let agent: Client;
  let others: Client;
  before(async () => {
    [world, browser] = await Promise.all([peopleWorld({ people: PEOPLE }), openBrowser()]);
    world.provider.accounts.set('sam', { name: 'Sam', email: 'sam@example.com', email_verified: true });
    sam = await world.signedIn('sam');
    mira = await world.signedIn('mira');
    agent = await world.agent('release-bot');
    others = await world.agent('nightly-bot');
  });
  after(async () => {
    await browser.close();
    await world.close();
  });

  async function listed(jar: Jar, query: string): Promise<Listed[]> {
    const answer = await world.send(jar, 'GET', `/api/approvals?${query}`);
    assert.equal(answer.status, 200, await answer.clone().text());
    return ((await answer.json()) as { items: Listed[] }).items;
  }
  /** Makes a call that waits, and gives its approval. */
  async function waiting(
    client: Client,
    name: string,
    meta: Record<string, unknown> = {},
  ): Promise<{ id: string; done: Promise<string> }> {
    const params = { name: 'create_api_key', arguments: { name, role: 'viewer' }, _meta: meta };
    const done = client.callTool(params).then(({ content }) => (content as { text?: string }[])[0]?.text ?? '');
    const found = await eventually(`${name} waits`, async () => {
      const pending = await listed(mira, 'state=pending');
      return pending.find((each) => each.arguments.name === name) ?? null;
    });
    return { id: found.id, done };
  }
  const decide = (jar: Jar, id: string, body: object) =>
    world.send(jar, 'POST', `/api/approvals/${id}/decisions`, body);

  it('a person’s list holds the calls of their agents, and nobody else’s', async () => {
    const own = await waiting(agent, 'own', { 'holdfast/reason': 'The night job needs it.' });
    const other = await waiting(others, 'another');
    assert.deepEqual(
      (await listed(sam, 'owner=me')).map(({ id }) => id),
      [own.id],
    );
    assert.deepEqual(await listed(mira, 'owner=me'), []);
    const page = await (await sam.fetch(`${world.url}/mine`)).text();
    assert.ok(page.includes(own.id) && page.includes('The night job needs it.'), page);
    assert.equal(page.includes(other.id), false);
    const miras = await (await mira.fetch(`${world.url}/mine`)).text();
    assert.equal(miras.includes(own.id) || miras.includes(other.id), false);
    for (const query of ['owner=U0SAM', 'owner=sam', 'owner=']) {
      assert.equal((await world.send(sam, 'GET', `/api/approvals?${query}`)).status, 400, query);
    }
    const admin = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
    assert.match(await (await fetch(`${world.url}/api/approvals?owner=me`, admin)).text(), /owns none/);
    assert.equal((await fetch(`${world.url}/mine`, { redirect: 'manual' })).status, 303);

    for (const [who, what] of [
      [sam, { decision: 'approve' }],
      [sam, { decision: 'deny', reason: 'x', standing: { minutes: 5 } }],
      [sam, { decision: 'deny', reason: 'x', counter: { name: 'own', role: 'none' } }],
    ] as const) {
      const refused = await decide(who, own.id, what);
      assert.match(await refused.text(), /"error":"role".*only deny calls of your own agents, in the console/);
    }
    assert.equal((await decide(sam, other.id, { decision: 'deny', reason: 'not mine' })).status, 403);
    await eventually('each refusal is in the log', async () => {
      const answer = await fetch(`${world.url}/api/events?limit=500&type=admin.refused`, admin);
      const { items } = (await answer.json()) as { items: { actor: string }[] };
      return items.length === 4 || null;
    });
    const denied = await decide(sam, own.id, { decision: 'deny', reason: 'I do not want it.' });
    assert.equal(denied.status, 200, await denied.text());
    assert.match(await own.done, /^Denied by (sam|U0SAM): I do not want it\./);
    assert.equal((await decide(mira, other.id, { decision: 'approve' })).status, 200);
    await other.done;
    const after = await (await sam.fetch(`${world.url}/mine`)).text();
    assert.match(after, /Nothing of your agents is waiting/);
    assert.match(after, /denied by[^·]*sam/i);
  });

  it('in a browser: an owner sees what waits and stops it, at either width', async () => {
    const { id, done } = await waiting(agent, 'ci-dashboard', { 'holdfast/reason': 'Asked for in ticket 4711.' });
    await decide(mira, (await waiting(agent, 'approved-one')).id, { decision: 'approve' });
    for (const width of [1280, 390]) {
      const window = await openWindow(browser, { viewport: { width, height: 900 } });
      const complaints = complaintsOf(window);
      const page = await window.newPage();
      await page.goto(`${world.url}/mine`);
      await page.getByRole('link', { name: /^Sign in with localhost/ }).click();
      await page.locator('input[name=login]').fill('sam');
      await page.locator('input[name=password]').fill('x');
      await page.locator('button[type=submit]').first().click();
      await page.locator('button[type=submit]').first().click();
      await page.waitForURL(`${world.url}/mine`);
      await page.locator('article.card', { hasText: 'ci-dashboard' }).waitFor();
      await page.locator('.live.on').waitFor();
      assert.deepEqual(await axeFaults(page), []);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true);
      if (process.env.PICTURES)
        await page.screenshot({ path: `${process.env.PICTURES}/mine-${width}.png`, fullPage: true });
      assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
      if (width === 390) {
        await page.getByLabel(/^Reason/).fill('not now');
        await pressed(page, 'Deny', page.locator('#mine-others li', { hasText: 'not now' }));
        assert.match(await done, /^Denied by (sam|U0SAM): not now/);
        assert.equal((await listed(sam, 'owner=me&state=denied'))[0]?.id, id);
      }
      assert.deepEqual(
        complaints.filter((one) => one.startsWith(world.url)),
        [],
      );
      await window.close();
    }
  });
});
