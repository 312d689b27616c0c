import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { axeFaults, complaintsOf, openBrowser, openWindow, pressed } from '../../support/console/browser.ts';
import { type PeopleWorld, peopleWorld } from '../../support/people/world.ts';

describe('In a real browser', () => {
  let world: PeopleWorld;
  let browser: Browser;
  before(async () => {
    world = await peopleWorld();
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    await world.close();
  });

  it('a link of Slack’s leads through the provider to its page, and decides nothing; a token is made, shown once and revoked', async () => {
    const window = await openWindow(browser, { viewport: { width: 390, height: 844 } });
    const complaints = complaintsOf(window);
    const page = await window.newPage();
    await page.goto(`${world.url}/freezes?from=slack`);
    await page.getByRole('link', { name: /^Sign in with localhost/ }).click();
    await page.locator('input[name=login]').fill('olga');
    await page.locator('input[name=password]').fill('x');
    await page.locator('button[type=submit]').first().click();
    await page.locator('button[type=submit]').first().click();
    await page.waitForURL(`${world.url}/freezes?from=slack`);
    await page.getByRole('heading', { name: 'Freezes', exact: true }).waitFor();
    await page.goto(`${world.url}/tokens`);
    await page.getByLabel('What it is for').fill('night script');
    await pressed(page, 'Make a token', page.locator('#new-token code'));
    const text = (await page.locator('#new-token code').textContent()) ?? '';
    assert.match(text, /^hfp_[\w-]{43}$/);
    assert.deepEqual(await axeFaults(page), []);
    await page.reload();
    assert.doesNotMatch(await page.content(), new RegExp(text));
    const api = () => fetch(`${world.url}/api/freeze`, { headers: { authorization: `Bearer ${text}` } });
    assert.equal((await api()).status, 200);
    await pressed(page, 'Revoke night script', page.getByRole('dialog'));
    await pressed(page, 'Yes, revoke', page.getByText('There are no tokens.'));
    assert.equal((await api()).status, 401);
    await page.goto(`${world.url}/people`);
    assert.deepEqual(await axeFaults(page), []);
    assert.match((await page.locator('main').textContent()) ?? '', /people\.olga\.roles/);
    await page.getByRole('button', { name: 'Sign out' }).click();
    // The provider asks whether its own session is to end as well; here it has ended already.
    await page.waitForURL((url) => url.href.startsWith(`${world.provider.issuer}/session/end`));
    await page.locator('button[name=logout]').first().click();
    await page.goto(`${world.url}/freezes`);
    assert.equal(new URL(page.url()).pathname, '/login');
    assert.deepEqual(await axeFaults(page), []);
    // What the provider's own page lacks is no fault of ours.
    const own = complaints.filter((one) => one.startsWith(world.url));
    assert.deepEqual(own, []);
    await window.close();
  });
});
