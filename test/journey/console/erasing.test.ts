import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Browser, chromium as playwright } from 'playwright-core';
import { type ConsoleWorld, consoleWorld, signIn } from '../../support/console/browser.ts';
import { chromium } from '../../support/installed.ts';
import { eventually } from '../../support/wait.ts';

const executablePath = chromium();
/** Where pictures go, for somebody who wants to look. */
const FOLDER = process.env.HOLDFAST_TEST_PICTURES;

describe('Erasing in the console', { skip: executablePath === null && 'no chromium on the PATH' }, () => {
  let world: ConsoleWorld;
  let browser: Browser;
  before(async () => {
    [world, browser] = await Promise.all([
      consoleWorld({ config: 'audit: { erasable: true }\n' }),
      playwright.launch({ executablePath: executablePath!, args: ['--no-sandbox'] }),
    ]);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  it('P7: an operator erases a call that is over, with a reason, and its page says so', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await signIn(page, world.url);
    const agent = await world.agent();
    const called = agent.callTool({ name: 'create_api_key', arguments: { name: 'ada-lovelace', role: 'viewer' } });
    const card = page.locator('article.card');
    await card.getByRole('link').first().waitFor();
    const id = /ap_[0-9a-z]{26}/.exec((await card.first().innerHTML()) ?? '')![0];
    await page.goto(`${world.url}/approvals/${id}`);
    assert.equal(await page.locator('[data-erase]').count(), 0, 'not while it waits');
    await page.getByLabel('Reason').first().fill('fine');
    await page.getByRole('button', { name: 'Approve', exact: true }).click();
    await called;
    await page.goto(`${world.url}/approvals/${id}`);
    assert.match(String(await page.locator('main').textContent()), /ada-lovelace/);
    await page.getByText('Erase what this call said…').click();
    await page.locator('[data-erase] input').fill('she asked, ticket 7');
    if (FOLDER !== undefined) await page.screenshot({ path: `${FOLDER}/erase-form.png`, fullPage: true });
    // A press on a button that has just appeared does nothing, and is made again.
    const erase = page.locator('[data-erase] button');
    const yes = page.getByRole('button', { name: 'Yes, erase' });
    const erased = page.locator('[data-key="erased"]');
    await eventually('it is asked once more', async () => {
      await erase.click();
      return (await yes.isVisible()) ? true : null;
    });
    await eventually('it is erased', async () => {
      if (await yes.isVisible()) await yes.click();
      return (await erased.isVisible()) ? true : null;
    });
    assert.match(String(await erased.textContent()), /erased by admin on \d{4}-\d\d-\d\d: she asked, ticket 7/);
    assert.doesNotMatch(await page.content(), /ada-lovelace/);
    assert.equal(await page.locator('[data-erase]').count(), 0);
    if (FOLDER === undefined) return;
    await page.screenshot({ path: `${FOLDER}/erased.png`, fullPage: true });
    await page.setViewportSize({ width: 390, height: 800 });
    await page.screenshot({ path: `${FOLDER}/erased-phone.png`, fullPage: true });
  });
});
