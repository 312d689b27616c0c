import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import {
  ADMIN_TOKEN,
  axeFaults,
  type ConsoleWorld,
  complaintsOf,
  consoleWorld,
  openBrowser,
  openWindow,
  pressed,
  signIn,
} from '../../support/console/browser.ts';
import { eventually } from '../../support/wait.ts';

/** Calls that expire before all others, so that they come first, with the same shape as the one that is looked at. */
const POLICY = `  "wipe_*":
    risk: destructive
    action: require_approval
    reason: Creates a credential that outlives the session.
    approval: { approvers: [security], quorum: 1, timeout: 4m }
  plain_key: { risk: write, action: require_approval, approval: { approvers: [security], quorum: 1, timeout: 30m } }
  pair_key: { risk: write, action: require_approval, approval: { approvers: [security], quorum: 2, timeout: 30m } }
`;
/** Milliseconds within which a button that has just appeared or moved does nothing. */
const QUIET_MS = 500;

describe('Nothing moves under a pointer or a focus', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let browser: Browser;
  let release: Client;
  let nightly: Client;
  const heard: string[][] = [];

  before(async () => {
    [world, browser] = await Promise.all([consoleWorld({ policy: POLICY }), openBrowser()]);
    [release, nightly] = await Promise.all([world.agent(), world.agent('nightly-bot')]);
  });

  after(async () => {
    await browser?.close();
    await world?.close();
  });

  const opened = (agent: Client, name: string, args: Record<string, unknown>): Promise<unknown> =>
    agent.callTool({ name, arguments: args }).catch(() => null);

  async function visit(width: number, height = 800): Promise<{ page: Page; context: BrowserContext }> {
    const context = await openWindow(browser, { viewport: { width, height } });
    heard.push(complaintsOf(context));
    const page = await context.newPage();
    await signIn(page, world.url);
    return { page, context };
  }

  async function api(path: string, body?: object): Promise<{ items: Approval[] } & Approval> {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
    return (await (await fetch(`${world.url}${path}`, init)).json()) as { items: Approval[] } & Approval;
  }

  const named = async (name: string): Promise<Approval> =>
    eventually(name, async () => {
      const { items } = await api('/api/approvals');
      return items.find((each) => each.arguments.name === name) ?? null;
    });

  async function clear(): Promise<void> {
    const { items } = await api('/api/approvals?state=pending,approved');
    for (const { id, state } of items) {
      await api(`/api/approvals/${id}/${state === 'pending' ? 'decisions' : 'take-back'}`, {
        decision: 'deny',
        reason: 'the test is over',
      });
    }
  }

  /** The middle of a button, with the pointer resting there. */
  async function restOn(button: Locator, page: Page): Promise<{ x: number; y: number }> {
    // In the middle, where no message at the foot covers it.
    await button.evaluate((element) => element.scrollIntoView({ block: 'center' }));
    const box = await button.boundingBox();
    assert.ok(box !== null);
    const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await page.mouse.move(point.x, point.y);
    await page.waitForTimeout(QUIET_MS * 1.5);
    return point;
  }

  const press = async (page: Page, { x, y }: { x: number; y: number }): Promise<void> => page.mouse.click(x, y);
  const card = (page: Page, text: string): Locator => page.locator('article.card', { hasText: text });

  for (const width of [1280, 820, 360]) {
    it(`at ${width} pixels, a call that opens meanwhile and expires first is not approved by the click that was meant for another`, async () => {
      const mine = `looked-at-${width}`;
      const theirs = `sneaked-in-${width}`;
      void opened(release, 'plain_key', { name: mine, role: 'viewer' });
      await named(mine);
      const { page, context } = await visit(width);
      await page.locator('.live.on').waitFor();
      const point = await restOn(card(page, mine).getByRole('button', { name: 'Approve' }), page);
      for (const n of [1, 2, 3]) void opened(nightly, 'wipe_disk', { name: `${theirs}-${n}`, role: 'viewer' });
      for (const n of [1, 2, 3]) await named(`${theirs}-${n}`);
      await page.waitForFunction((count) => Number(document.getElementById('waiting')?.dataset.rev) >= count, 4);
      await page.waitForTimeout(QUIET_MS * 2);
      await press(page, point);
      await eventually('the one that was looked at is decided', async () => (await named(mine)).state !== 'pending');
      for (const n of [1, 2, 3]) assert.equal((await named(`${theirs}-${n}`)).state, 'pending');
      // Its card stays where it was, so that a second press decides nothing either.
      await press(page, point);
      await page.waitForTimeout(QUIET_MS);
      await press(page, point);
      await page.waitForTimeout(QUIET_MS);
      for (const n of [1, 2, 3]) assert.equal((await named(`${theirs}-${n}`)).state, 'pending');
      await clear();
      await context.close();
    });

    it(`at ${width} pixels, what is shown at last does nothing for half a second, and says so`, async () => {
      void opened(release, 'plain_key', { name: `first-${width}`, role: 'viewer' });
      await named(`first-${width}`);
      const { page, context } = await visit(width);
      await page.locator('.live.on').waitFor();
      await restOn(card(page, `first-${width}`).getByRole('button', { name: 'Approve' }), page);
      void opened(nightly, 'wipe_disk', { name: `second-${width}`, role: 'viewer', command: 'wipe --all' });
      await page.getByText('1 new').waitFor();
      assert.equal(await card(page, `second-${width}`).count(), 0);
      // At once: on a busy machine, a press from outside might come after the half second.
      await page.evaluate((name) => {
        document.querySelector<HTMLElement>('[data-news] button')?.click();
        const shown = [...document.querySelectorAll('article.card')].find((each) => each.textContent?.includes(name));
        shown?.querySelector<HTMLElement>('button.approve')?.click();
      }, `second-${width}`);
      const button = card(page, `second-${width}`).getByRole('button', { name: 'Approve' });
      await page.getByText('Nothing was done').waitFor();
      await page.waitForTimeout(QUIET_MS);
      assert.equal(await page.getByRole('dialog').count(), 0);
      for (const n of ['first', 'second']) assert.equal((await named(`${n}-${width}`)).state, 'pending');
      await card(page, `second-${width}`)
        .locator('[data-whole]')
        .evaluate((whole) => {
          const said = Object.assign(document.createElement('figure'), { className: 'view' });
          said.dataset.said = '';
          said.append(
            Object.assign(document.createElement('pre'), { className: 'values', textContent: 'as it stands' }),
          );
          whole.append(said);
        });
      // Then it asks, repeats the whole call, and a double click is no answer.
      const now = await restOn(button, page);
      await page.mouse.dblclick(now.x, now.y);
      const dialog = page.getByRole('dialog');
      await dialog.getByText(`"second-${width}"`).waitFor();
      for (const words of ['prometheus', 'wipe_disk', 'nightly-bot', 'destroys'])
        assert.ok((await dialog.textContent())?.includes(words), words);
      // Each part under its heading; what a server said of how things stand is no part of the call.
      assert.match((await dialog.locator('figure.view figcaption').allTextContents()).join(), /command: /);
      assert.equal(await dialog.getByText('as it stands').count(), 0);
      assert.deepEqual(await axeFaults(page), []);
      await dialog.getByRole('button', { name: 'Yes, approve' }).click();
      await eventually('approved', async () => (await named(`second-${width}`)).state !== 'pending');
      assert.equal((await named(`first-${width}`)).state, 'pending');
      await clear();
      await context.close();
    });

    it(`at ${width} pixels, a call that somebody else decides stays where it is, and its page turns into no other question`, async () => {
      void opened(release, 'plain_key', { name: `theirs-${width}`, role: 'viewer' });
      void opened(nightly, 'plain_key', { name: `below-${width}`, role: 'viewer' });
      const { id } = await named(`theirs-${width}`);
      await named(`below-${width}`);
      const { page, context } = await visit(width);
      await page.locator('.live.on').waitFor();
      const point = await restOn(card(page, `theirs-${width}`).getByRole('button', { name: 'Approve' }), page);
      await api(`/api/approvals/${id}/decisions`, { decision: 'deny', reason: 'no' });
      await page.getByText('Denied by admin.').waitFor();
      await page.waitForTimeout(QUIET_MS * 2);
      await press(page, point);
      await page.waitForTimeout(QUIET_MS);
      assert.equal((await named(`below-${width}`)).state, 'pending');

      // A frozen server: what is approved is not sent, so that the yes can be taken back from the same place.
      const freeze = await api('/api/freeze', { scope: 'all', reason: 'for the test' });
      const below = await named(`below-${width}`);
      await page.goto(`${world.url}/approvals/${below.id}`);
      await page.locator('.live.on').waitFor();
      const there = await restOn(page.getByRole('button', { name: 'Deny', exact: true }), page);
      const here = await restOn(page.getByRole('button', { name: 'Approve', exact: true }), page);
      await api(`/api/approvals/${below.id}/decisions`, { decision: 'approve' });
      await page.getByText('Approved by admin.').waitFor();
      await page.waitForTimeout(QUIET_MS * 2);
      for (const at of [here, there]) await press(page, at);
      await page.waitForTimeout(QUIET_MS);
      assert.equal((await named(`below-${width}`)).state, 'approved');
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await page.getByRole('button', { name: 'Take back approval' }).waitFor();
      await fetch(`${world.url}/api/freeze/${freeze.id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ reason: 'over' }),
      });
      await clear();
      await context.close();
    });

    it(`at ${width} pixels, a focus stays on its call: Enter decides that one, and held down it decides nothing more`, async () => {
      void opened(release, 'plain_key', { name: `focused-${width}`, role: 'viewer' });
      await named(`focused-${width}`);
      const { page, context } = await visit(width);
      await page.locator('.live.on').waitFor();
      await card(page, `focused-${width}`).getByRole('button', { name: 'Approve' }).focus();
      void opened(nightly, 'wipe_disk', { name: `other-${width}`, role: 'viewer' });
      void opened(nightly, 'plain_key', { name: `last-${width}`, role: 'viewer' });
      await page.getByText('2 new').waitFor();
      await page.waitForTimeout(QUIET_MS * 2);
      for (let n = 0; n < 5; n += 1) {
        await page.keyboard.down('Enter');
        await page.waitForTimeout(QUIET_MS / 3);
      }
      await page.keyboard.up('Enter');
      await eventually('decided', async () => (await named(`focused-${width}`)).state !== 'pending');
      await page.keyboard.press('Enter');
      await page.waitForTimeout(QUIET_MS);
      for (const n of ['other', 'last']) assert.equal((await named(`${n}-${width}`)).state, 'pending');
      await clear();
      await context.close();
    });
  }

  it('P3: calls are selected with keys, shown in full in one question, and decided all or none', async () => {
    await clear();
    const { page, context } = await visit(1280);
    const asked = ['together-one', 'together-two', 'together-three', 'together-four'];
    for (const name of asked) void opened(release, 'plain_key', { name, role: 'viewer' });
    const [one, two, three, four] = await Promise.all(asked.map(named));
    await page.reload();
    const box = (id: string) => page.locator(`#pick-${id}`);
    await box(four!.id).waitFor();
    // Two by keys: j to a card, x to select it, a for the question. No key decides.
    const ids = [one!.id, two!.id];
    for (const id of ids) {
      await page.locator(`#card-${id} h3 a`).focus();
      await page.keyboard.press('x');
      assert.equal(await box(id).isChecked(), true);
    }
    await page.keyboard.press('?');
    await page.locator('dialog.key-help').waitFor();
    assert.match(await page.locator('dialog.key-help').innerText(), /approve or d deny/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('a');
    await page.keyboard.press('a');
    const dialog = page.locator('dialog[open]');
    await dialog.waitFor();
    const said = await dialog.innerText();
    for (const has of ['Approve these 2 calls?', 'together-one', 'together-two']) assert.ok(said.includes(has), has);
    assert.equal(said.includes('together-three'), false);
    // Each is shown as on its card, all of it: also what is unusual, and whose word each part is.
    const sections = await dialog.locator('.batch-calls section').allTextContents();
    for (const id of ids) {
      const onCard = (await page.locator(`#card-${id} [data-whole]`).textContent()) ?? '';
      assert.match(onCard, /Needs/);
      assert.ok(
        sections.some((section) => section.includes(onCard)),
        id,
      );
    }
    assert.deepEqual(await axeFaults(page), []);
    for (const id of ids)
      assert.equal((await api(`/api/approvals/${id}`)).state, 'pending', 'a question decides nothing');
    const yes = (words: string) => page.locator('dialog[open] button', { hasText: words });
    await pressed(page, 'Approve all 2', page.locator('.card .over').first());
    for (const id of ids) assert.notEqual((await api(`/api/approvals/${id}`)).state, 'pending');

    // One is decided while the question stands there: none is.
    for (const id of [three!.id, four!.id]) await box(id).check();
    await page.locator('[data-batch] [data-choice=approve]').click();
    await yes('Approve all 2').waitFor();
    await api(`/api/approvals/${three!.id}/decisions`, { decision: 'deny', reason: 'meanwhile' });
    await pressed(page, 'Approve all 2', page.locator('#announcement', { hasText: 'None was decided' }));
    assert.match(await page.locator('#announcement').innerText(), /plain_key \(denied\)/);
    assert.equal((await api(`/api/approvals/${four!.id}`)).state, 'pending');
    await context.close();
    await clear();
  });

  it('a call that others push off the page still waits, and can still be decided', async () => {
    for (let n = 1; n <= 24; n += 1) void opened(n <= 19 ? release : nightly, 'plain_key', { name: `filler-${n}` });
    await eventually('they wait', async () => (await api('/api/approvals?state=pending')).items.length === 24);
    void opened(release, 'plain_key', { name: 'pushed' });
    await named('pushed');
    const { page, context } = await visit(1280);
    await page.locator('.live.on').waitFor();
    await card(page, 'pushed').waitFor();
    for (let n = 1; n <= 6; n += 1) void opened(nightly, 'wipe_disk', { name: `pushes-${n}` });
    await page.getByText('6 new').waitFor();
    assert.equal(await page.locator('.over').count(), 0);
    await card(page, 'pushed').getByRole('button', { name: 'Approve' }).click();
    await eventually('it is decided', async () => (await named('pushed')).state !== 'pending');
    await clear();
    await context.close();
  });

  it('can be pressed while an agent makes the same call again and again', async () => {
    void opened(release, 'plain_key', { name: 'chatty', role: 'viewer' });
    const { id } = await named('chatty');
    const { page, context } = await visit(1280);
    await page.locator('.live.on').waitFor();
    const point = await restOn(card(page, 'chatty').getByRole('button', { name: 'Approve' }), page);
    const seen = page.locator('article.card', { hasText: 'chatty' });
    for (let n = 2; n <= 4; n += 1) {
      void opened(await world.agent(), 'plain_key', { name: 'chatty', role: 'viewer' });
      await seen.filter({ hasText: `${n} waiting` }).waitFor();
    }
    await press(page, point);
    await eventually('it is decided', async () => (await named('chatty')).state !== 'pending');
    assert.equal((await named('chatty')).id, id);
    await clear();
    await context.close();
  });

  it('asks again for a call that has just run, and names that run; a double click revokes no grant', async () => {
    void opened(release, 'plain_key', { name: 'twice', role: 'viewer' });
    const { page, context } = await visit(1280);
    const approve = card(page, 'twice').getByRole('button', { name: 'Approve' });
    await approve.click();
    const first = await eventually('it is over', async () => {
      const found = await named('twice');
      return ['succeeded', 'failed'].includes(found.state) ? found : null;
    });
    void opened(release, 'plain_key', { name: 'twice', role: 'viewer' });
    await eventually('it is asked again', async () => (await named('twice')).id !== first.id);
    await page.goto(`${world.url}/`);
    await approve.click();
    await page.getByRole('dialog').getByText(first.id).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.goto(`${world.url}/grants`);
    const point = await restOn(page.getByRole('button', { name: 'Revoke nightly-bot' }), page);
    await page.mouse.dblclick(point.x, point.y);
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.evaluate(() => {
      document.querySelector<HTMLElement>('button[aria-label="Revoke nightly-bot"]')?.click();
      document.querySelector<HTMLElement>('dialog [data-deciding]')?.click();
    });
    await page.getByText('Nothing was done').waitFor();
    await page.keyboard.press('Escape');
    await nightly.listTools();
    await clear();
    await context.close();
  });

  it('broke no script and no rule of the console’s own policy on the way', () =>
    assert.deepEqual(
      heard.flat().filter((said) => !said.includes('409 (Conflict)')),
      [],
    ));
});

interface Approval {
  readonly id: string;
  readonly state: string;
  readonly arguments: { readonly name?: string };
}
