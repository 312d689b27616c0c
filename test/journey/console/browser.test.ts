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
  ROOMS,
  signIn,
} from '../../support/console/browser.ts';
import { eventually } from '../../support/wait.ts';

interface Result {
  readonly isError?: boolean;
  readonly content: readonly { readonly text?: string }[];
}

describe('The console in a browser', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let agent: Client;
  let complaints: string[];

  before(async () => {
    [world, browser] = await Promise.all([consoleWorld(), openBrowser()]);
    context = await openWindow(browser);
    // A machine that does other things as well is slow, and no page is wrong for it.
    complaints = complaintsOf(context);
    page = await context.newPage();
    agent = await world.agent();
    await signIn(page, world.url);
  });

  after(async () => {
    await browser?.close();
    await world?.close();
  });

  function key(args: Record<string, unknown>, client = agent): Promise<Result> {
    return client.callTool({ name: 'create_api_key', arguments: args }) as Promise<Result>;
  }

  const card = (text: string) => page.locator('article.card', { hasText: text });
  /** Presses until it has an effect: what has just appeared or moved does nothing for half a second. */
  const pressUntil = async (button: Locator, state: 'visible' | 'hidden'): Promise<void> => {
    for (let pressed = 1; ; pressed++) {
      await button.click();
      const dialog = page.getByRole('dialog').waitFor({ state, timeout: 2_000 });
      const isSo = await dialog.then(
        () => true,
        () => false,
      );
      if (isSo) return;
      assert.ok(pressed < 10, `the question is not ${state}`);
    }
  };
  /** The same for a button without a question: until this is to be seen. */
  const pressTill = async (button: Locator, sign: Locator): Promise<void> => {
    for (let pressed = 1; ; pressed++) {
      await button.click();
      const isSeen = await sign.waitFor({ timeout: 3_000 }).then(
        () => true,
        () => false,
      );
      if (isSeen) return;
      if ((await button.count()) === 0) return sign.waitFor();
      assert.ok(pressed < 10, `nothing comes of the button: ${await page.locator('body').textContent()}`);
    }
  };
  const pressUntilGone = async (button: Locator, what: Locator): Promise<void> => {
    for (let pressed = 1; (await what.count()) > 0; pressed++) {
      assert.ok(pressed < 10, 'it does not go away');
      await button.click({ timeout: 3_000 }).catch(() => undefined);
      await what.waitFor({ state: 'detached', timeout: 3_000 }).catch(() => undefined);
    }
  };
  const untilAsked = (button: Locator) => pressUntil(button, 'visible');
  const untilAnswered = (name: string) => pressUntil(page.getByRole('dialog').getByRole('button', { name }), 'hidden');

  it('shows a call as it arrives, approves it, sees it succeed, finds it, and tells its story on a chain that holds', async () => {
    const activity = await context.newPage();
    await activity.goto(`${world.url}/activity`);
    await activity.locator('.live.on').waitFor();
    await page.goto(`${world.url}/`);
    await page.locator('.live.on').waitFor();

    const call = key({ name: 'ci-dashboard', role: 'viewer', api_token: 'hunter2-marker' });
    await card('ci-dashboard').waitFor();
    await activity.locator('tbody tr', { hasText: 'Approval requested' }).waitFor();
    assert.equal(world.prometheus.keys.length, 0, 'nothing ran before the approval');
    await card('ci-dashboard').getByRole('button', { name: 'Approve' }).click();
    assert.notEqual((await call).isError, true);
    assert.equal(world.prometheus.keys.length, 1);

    await page.locator('#recent li', { hasText: 'create_api_key' }).filter({ hasText: 'succeeded' }).waitFor();
    await activity.locator('tbody tr', { hasText: 'Succeeded' }).waitFor();
    await activity.close();

    await page.goto(`${world.url}/audit`);
    await page.getByLabel('Text').fill('ci-dashb');
    await page.getByLabel('Verdict').selectOption('ask');
    await page.getByRole('button', { name: 'Search' }).click();
    await page
      .locator('tbody tr')
      .getByRole('link', { name: /create_api_key/ })
      .click();
    await page.waitForURL(/\/approvals\/ap_/);
    const story = page.locator('#story');
    await story.locator('.chain.good', { hasText: 'The chain is intact' }).waitFor();
    const steps = await story.locator('.badge').allTextContents();
    const main = steps.filter((words) => words !== 'Details read' && words !== 'Result collected');
    assert.deepEqual(main.slice(0, 4), ['Approval requested', 'Approved', 'Sent to the server', 'Succeeded']);
    await page.goto(`${world.url}/audit`);
    await page.locator('.chain.good', { hasText: 'Chain holds' }).waitFor();
  });

  it('a snoozed call is hidden from its person’s own list, is counted there, and comes back', async () => {
    await page.goto(`${world.url}/`);
    await page.locator('.live.on').waitFor();
    const call = key({ name: 'to-snooze', role: 'viewer' });
    const waiting = card('to-snooze');
    await waiting.getByRole('button', { name: 'Snooze' }).waitFor();
    assert.equal(await waiting.locator('.badge.cue').count(), 0, 'no first use, and not the first today');
    assert.deepEqual(await waiting.getByLabel('Hide for me').locator('option').allTextContents(), [
      ...['5 minutes', '15 minutes'],
    ]);
    const line = page.locator('.snoozed');
    await pressTill(waiting.getByRole('button', { name: 'Snooze' }), line);
    assert.match((await line.textContent())!, /1 call snoozed for you, until/);
    assert.equal(await waiting.count(), 0);
    assert.match((await page.locator('#tally').textContent())!, /1 waiting/, 'it still waits');
    await line.getByRole('link', { name: 'Show it' }).click();
    await waiting.waitFor();
    assert.match((await waiting.textContent())!, /Snoozed for you until/);
    await pressUntilGone(waiting.getByRole('button', { name: 'Wake' }), line);
    await page.goto(`${world.url}/`);
    await waiting.waitFor();
    await waiting.getByLabel('Reason').fill('not today');
    await waiting.getByRole('button', { name: 'Deny' }).click();
    assert.match((await call).content[0]?.text ?? '', /^Denied by/);
  });

  it('P8: secrets that policy redacts are on no page', async () => {
    const approval = await page.locator('a[href^="/approvals/"]').first().getAttribute('href');
    for (const path of [...ROOMS, approval]) {
      await page.goto(`${world.url}${path}`);
      assert.ok(!(await page.content()).includes('hunter2-marker'), `${path} holds a secret`);
    }
  });

  it('P10: what an agent sends is data: nothing of it runs, and what hides is shown', async () => {
    await page.goto(`${world.url}/`);
    const evil = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>';
    const calls = key({ name: `${evil}\u202Egpj.exe`, role: 'viewer', [`<b onclick=1>${evil}`]: ['</pre>', evil] });
    await card('onerror').waitFor();
    assert.ok((await card('onerror').textContent())?.includes('U+202Egpj.exe'));
    await agent.callTool({ name: `x${evil}`, arguments: {} }).catch(() => undefined);
    const reason = card('onerror').getByLabel('Reason');
    await reason.fill(`no ${evil}`);
    await card('onerror').getByRole('button', { name: 'Deny' }).click();
    assert.match((await calls).content[0]?.text ?? '', /^Denied by/);
    const approval = await page.locator('#recent a').first().getAttribute('href');
    for (const path of [
      ...ROOMS,
      `${approval}`,
      `/audit?text=${encodeURIComponent(evil)}&agent=${encodeURIComponent(evil)}`,
    ]) {
      await page.goto(`${world.url}${path}`);
      assert.equal(await page.evaluate('window.hit'), undefined, path);
      assert.equal(await page.locator('main img, main script, main b[onclick]').count(), 0, path);
    }
  });

  it('wants a reason where the policy wants one, and Enter in its field decides nothing', async () => {
    await page.goto(`${world.url}/`);
    const call = key({ name: 'needs-reason', role: 'viewer' });
    await card('needs-reason').waitFor();
    await pressTill(card('needs-reason').getByRole('button', { name: 'Deny' }), page.getByText('Say why'));
    await card('needs-reason').getByLabel('Reason').press('Enter');
    await page.getByText('Choose Approve or Deny').waitFor();
    assert.equal(await card('needs-reason').count(), 1);
    await card('needs-reason').getByLabel('Reason').fill('not today');
    await card('needs-reason').getByRole('button', { name: 'Deny' }).click();
    assert.match((await call).content[0]?.text ?? '', /not today/);
  });

  it('keeps what is being typed when another call arrives', async () => {
    await page.goto(`${world.url}/`);
    await page.locator('.live.on').waitFor();
    const first = key({ name: 'first-call', role: 'viewer' });
    await card('first-call').getByLabel('Reason').pressSequentially('half a rea');
    const second = key({ name: 'second-call', role: 'viewer' });
    await page.getByText('1 new').waitFor();
    const joined = key({ name: 'first-call', role: 'viewer' }, await world.agent());
    await card('first-call').filter({ hasText: '2 waiting' }).waitFor();
    await page.keyboard.type('son');
    assert.equal(await card('first-call').getByLabel('Reason').inputValue(), 'half a reason');
    await card('first-call').getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await card('second-call').getByLabel('Reason').fill('no');
    await card('second-call').getByRole('button', { name: 'Deny' }).click();
    for (const answer of await Promise.all([first, second, joined])) assert.equal(answer.isError, true);
  });

  it('asks twice before a grave call is approved', async () => {
    await page.goto(`${world.url}/`);
    const call = agent.callTool({ name: 'export_everything', arguments: { range: '1d' } });
    const approve = card('export_everything').getByRole('button', { name: 'Approve' });
    await untilAsked(approve);
    await untilAnswered('Cancel');
    assert.equal(await card('export_everything').count(), 1);
    await untilAsked(approve);
    await untilAnswered('Yes, approve');
    await call;
    await page.locator('#recent li', { hasText: 'export_everything' }).waitFor();
  });

  it('is worked by keyboard alone', async () => {
    const own = await openWindow(browser);
    const keys = await own.newPage();
    await keys.goto(`${world.url}/`);
    await keys.waitForURL(/\/login/);
    await keys.keyboard.type(ADMIN_TOKEN);
    await keys.keyboard.press('Enter');
    await keys.waitForURL(`${world.url}/`);
    await keys.keyboard.press('Tab');
    assert.equal(await focused(keys), 'Skip to content');
    const call = key({ name: 'by-keyboard', role: 'viewer' });
    const asked = keys.locator('article.card', { hasText: 'by-keyboard' });
    await asked.waitFor();
    await tabTo(keys, 'Approve');
    // What has just appeared does nothing for half a second.
    for (let pressed = 1; (await focused(keys)) === 'Approve'; pressed += 1) {
      assert.ok(pressed < 10, 'the call is approved');
      await keys.keyboard.press('Enter');
      await asked
        .getByText('Approved:')
        .waitFor({ timeout: 2_000 })
        .catch(() => undefined);
    }
    assert.notEqual((await call).isError, true);
    await tabTo(keys, 'Audit', true);
    await keys.keyboard.press('Enter');
    await keys.waitForURL(/\/audit/);
    await own.close();
  });

  it('explains a call that is not made', async () => {
    await page.goto(`${world.url}/policies`);
    await page.getByLabel('Tool', { exact: true }).fill('create_api_key');
    await page.getByLabel('Arguments').fill('{"name":"x","role":"admin"}');
    await page.getByRole('button', { name: 'Explain' }).click();
    const said = page.locator('#explained');
    await said.locator('.badge', { hasText: 'deny' }).waitFor();
    assert.match((await said.textContent()) ?? '', /tools\.create_api_key\.deny_if\[0\]/);
    // What somebody would judge is refused here as it is by the gateway, wherever it stands.
    await page.getByLabel('Arguments').fill('{"name":"x","role":"viewer"}');
    await page.getByText('Other params and _meta').click();
    await page.getByLabel('_meta, as JSON').fill('{"acme.com/n":9007199254740993}');
    await page.getByRole('button', { name: 'Explain' }).click();
    await said.locator('.badge', { hasText: 'refused' }).waitFor();
    assert.match((await said.textContent()) ?? '', /the number at \/params\/_meta\/acme\.com~1n has more digits/);
    await page.getByLabel('_meta, as JSON').fill('[]');
    await page.getByRole('button', { name: 'Explain' }).click();
    await said.getByText('_meta: must be a JSON object.').waitFor();
  });

  it('has no fault that axe finds, in light, dark and on a phone, and nothing wider than the screen', async () => {
    const waits = key({ name: 'while-looked-at', role: 'viewer' });
    await page.goto(`${world.url}/`);
    await card('while-looked-at').waitFor();
    const waiting = await card('while-looked-at').locator('h3 a').getAttribute('href');
    const event = await (async () => {
      await page.goto(`${world.url}/audit?verdict=ask`);
      return page.locator('tbody .when a').first().getAttribute('href');
    })();
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 360],
    ] as const) {
      const own = await openWindow(browser, { colorScheme, viewport: { width, height: 800 } });
      const seen = await own.newPage();
      await seen.goto(`${world.url}/login`);
      assert.deepEqual(await axeFaults(seen), [], `login ${colorScheme} ${width}`);
      await signIn(seen, world.url);
      for (const path of [...ROOMS, `${waiting}`, `${event}`]) {
        await seen.goto(`${world.url}${path}`);
        await seen.locator('main h1').waitFor();
        assert.deepEqual(await axeFaults(seen), [], `${path} ${colorScheme} ${width}`);
        const wide = await seen.evaluate('document.documentElement.scrollWidth');
        assert.ok(Number(wide) <= width, `${path} is ${wide} wide on ${width}`);
      }
      await own.close();
    }
    await page.goto(`${world.url}/`);
    await card('while-looked-at').getByLabel('Reason').fill('seen');
    await card('while-looked-at').getByRole('button', { name: 'Deny' }).click();
    await waits;
  });

  it('freezes, takes an unused yes back, and thaws; every page says what is frozen', async () => {
    await page.goto(`${world.url}/`);
    const call = key({ name: 'cold-key', role: 'viewer' });
    await card('cold-key').waitFor();
    await page.goto(`${world.url}/freezes`);
    await page.getByRole('button', { name: 'Freeze' }).click();
    assert.equal(await page.locator('.freeze-banner').count(), 0, 'not without a reason');
    await page.locator('form.freeze').getByLabel('Reason').fill('a <b>cold</b> day');
    const banner = page.locator('.freeze-banner', { hasText: 'a <b>cold</b> day' });
    await pressTill(page.getByRole('button', { name: 'Freeze' }), banner);
    await page.locator('td', { hasText: '1 to decide, 0 approved' }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      const own = await openWindow(browser, { colorScheme, viewport: { width: 360, height: 800 } });
      const seen = await own.newPage();
      await signIn(seen, world.url);
      for (const path of ['/', '/freezes']) {
        await seen.goto(`${world.url}${path}`);
        await seen.locator('.freeze-banner').waitFor();
        assert.deepEqual(await axeFaults(seen), [], `${path} ${colorScheme}`);
        const wide = await seen.evaluate('document.documentElement.scrollWidth');
        assert.ok(Number(wide) <= 360, `${path} is ${wide} wide`);
      }
      await own.close();
    }
    await page.goto(`${world.url}/`);
    await card('cold-key')
      .getByRole('link', { name: /create_api_key/ })
      .click();
    const stateLine = (state: string) => page.locator('.state-line', { hasText: state });
    await pressTill(page.getByRole('button', { name: 'Approve', exact: true }), stateLine('approved'));
    await page.locator('#decide').getByLabel('Reason').fill('too cold');
    await pressTill(page.getByRole('button', { name: 'Take back approval' }), stateLine('lapsed'));
    assert.match((await call).content[0]?.text ?? '', /^Approval lapsed: taken back by admin: too cold/);
    await page.goto(`${world.url}/freezes`);
    await page.getByLabel('Reason to thaw').fill('spring');
    await pressTill(page.getByRole('button', { name: 'Thaw' }), page.getByText('Nothing is frozen'));
    assert.equal(await page.locator('.freeze-banner').count(), 0);
  });

  it('revokes a grant: its token is good for nothing more', async () => {
    const nightly = await world.agent('nightly-bot');
    await nightly.listTools();
    await page.goto(`${world.url}/grants`);
    await untilAsked(page.getByRole('button', { name: 'Revoke nightly-bot' }));
    await untilAnswered('Yes, revoke');
    await page.locator('tr', { hasText: 'nightly-bot' }).getByText('revoked').waitFor();
    await eventually(
      'the token is refused',
      () =>
        nightly.listTools().then(
          () => null,
          () => true,
        ),
      5_000,
    );
    await agent.listTools();
  });

  it('broke no script and no rule of its own policy on the way', () => {
    assert.deepEqual(complaints, []);
  });
});

async function focused(page: Page): Promise<string> {
  return String(await page.evaluate('document.activeElement?.textContent?.trim() ?? ""'));
}

async function tabTo(page: Page, words: string, backwards = false): Promise<void> {
  for (let i = 0; i < 60; i += 1) {
    if ((await focused(page)) === words) return;
    await page.keyboard.press(backwards ? 'Shift+Tab' : 'Tab');
  }
  throw new Error(`${words} is not reached by Tab`);
}
