import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { axeFaults, complaintsOf, openBrowser, openWindow, pressed } from '../../support/console/browser.ts';
import { type SigningWorld, signingWorld } from '../../support/people/signing-world.ts';

const PICTURES = process.env.HOLDFAST_TEST_PICTURES;

/** The browser's own virtual authenticator: it has a key that verifies its person, or not. */
async function authenticator(page: Page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    verifies: (isUserVerified: boolean) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    keys: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
  };
}

describe('In a real browser, with its virtual authenticator', () => {
  let world: SigningWorld;
  let browser: Browser;
  before(async () => {
    world = await signingWorld();
    browser = await openBrowser();
  });
  after(async () => {
    await browser.close();
    await world.close();
  });

  const signIn = async (page: Page, login: string, path: string): Promise<void> => {
    await page.goto(`${world.url}${path}`);
    await page.getByRole('link', { name: /^Sign in with localhost/ }).click();
    await page.locator('input[name=login]').fill(login);
    await page.locator('input[name=password]').fill('x');
    await page.locator('button[type=submit]').first().click();
    await page.locator('button[type=submit]').first().click();
    await page.waitForURL(`${world.url}${path}`);
  };
  const picture = async (page: Page, name: string): Promise<void> => {
    if (PICTURES !== undefined) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  };
  const windowOf = (width: number): Promise<BrowserContext> =>
    openWindow(browser, { viewport: { width, height: 844 } });

  it('P1: an approver on a phone adds a passkey, an operator registers it, and it signs the critical call that Slack’s link led to', async () => {
    const [phone, desk] = [await windowOf(390), await windowOf(1280)];
    const complaints = [...complaintsOf(phone), ...complaintsOf(desk)];
    const agent = await world.agent();
    const call = agent.callTool({ name: 'create_api_key', arguments: { name: 'ci', role: 'viewer' } });
    const id = await world.asked(new Set());
    const mira = await phone.newPage();
    const own = await authenticator(mira);
    await signIn(mira, 'mira', `/approvals/${id}`);
    // The link decided nothing, and without a passkey the page says what to do.
    assert.equal((await world.approval(id)).state, 'pending');
    const press = async (words: RegExp): Promise<void> => {
      await pressed(mira, 'Approve with passkey', mira.getByRole('dialog'));
      await pressed(mira, 'Yes, approve', mira.getByText(words).first());
    };
    await picture(mira, 'phone-approval');
    assert.deepEqual(await axeFaults(mira), []);
    await press(/You have no registered passkey/);
    await mira.goto(`${world.url}/passkeys`);
    await mira.getByLabel('Which one it is').fill('phone');
    await pressed(mira, 'Add a passkey', mira.locator('td .badge', { hasText: /^waiting$/ }));
    await picture(mira, 'phone-passkeys');
    assert.deepEqual(await axeFaults(mira), []);
    const shown = (await mira.locator('td code.hash').first().textContent())!;

    const olga = await desk.newPage();
    await signIn(olga, 'olga', '/passkeys');
    assert.equal(await olga.locator('td code.hash').first().textContent(), shown);
    await picture(olga, 'desk-passkeys');
    await pressed(olga, 'Register phone', olga.getByRole('dialog'));
    await pressed(olga, 'Yes, register', olga.locator('td .badge', { hasText: /^registered$/ }));
    assert.deepEqual(await axeFaults(olga), []);
    await picture(olga, 'desk-passkeys-registered');

    await mira.goto(`${world.url}/`);
    await mira.getByRole('link', { name: 'Review and sign…' }).click();
    await mira.waitForURL(`${world.url}/approvals/${id}`);
    // Whoever cannot show that they are the person is refused by browser and gateway.
    await own.verifies(false);
    await press(/No passkey was used|not verified/);
    assert.equal((await world.approval(id)).state, 'pending');
    await own.verifies(true);
    await press(/^Approved: /);
    const result = await call;
    assert.notEqual(result.isError, true);
    assert.equal((await own.keys())[0]?.signCount !== undefined, true);
    await mira.reload();
    await picture(mira, 'phone-signed');
    assert.deepEqual(
      complaints.filter((one) => one.startsWith(world.url) && !/status of 403/.test(one)),
      [],
    );
    await phone.close();
    await desk.close();
  });

  it('a passkey of one’s own makes no second one, and one that was revoked signs nothing', async () => {
    const window = await windowOf(1280);
    const page = await window.newPage();
    await authenticator(page);
    await signIn(page, 'alex', '/passkeys');
    await page.getByLabel('Which one it is').fill('laptop');
    await pressed(page, 'Add a passkey', page.locator('td .badge', { hasText: /^waiting$/ }));
    // Alex is an operator, and gets no button for a key of his own.
    assert.equal(await page.getByRole('button', { name: 'Register laptop' }).count(), 0);
    await page.getByLabel('Which one it is').fill('laptop again');
    await pressed(page, 'Add a passkey', page.getByText(/This device has a passkey for this already/));
    await pressed(page, 'Revoke laptop', page.getByRole('dialog'));
    await pressed(page, 'Yes, revoke', page.locator('td .badge', { hasText: /^revoked$/ }));
    await picture(page, 'desk-revoked');
    const agent = await world.agent();
    const call = agent.callTool({ name: 'create_api_key', arguments: { name: 'other', role: 'viewer' } });
    const id = await world.asked(new Set());
    await page.goto(`${world.url}/approvals/${id}`);
    await picture(page, 'desk-approval');
    await pressed(page, 'Approve with passkey', page.getByRole('dialog'));
    await pressed(page, 'Yes, approve', page.getByText(/You have no registered passkey/).first());
    await pressed(page, 'Deny', page.getByText(/^Denied: /).first());
    assert.equal((await call).isError, true);
    await picture(page, 'desk-denied');
    await window.close();
  });
});
