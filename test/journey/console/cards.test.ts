import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type SlackStandIn, startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';
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

const CHANNEL = 'C0APPROVALS';
const EVIL = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>';
const PATIENCE = 60_000;

describe('What the approver saw, for a reviewer', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let slack: SlackStandIn;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  before(async () => {
    slack = await startSlackStandIn({ rates: false });
    const { botToken, signingSecret, apiUrl } = slack;
    [world, browser] = await Promise.all([
      consoleWorld({
        env: {
          SLACK_BOT_TOKEN: botToken,
          SLACK_SIGNING_SECRET: signingSecret,
          SLACK_API_URL: apiUrl,
          SLACK_CHANNEL: CHANNEL,
        },
      }),
      openBrowser(),
    ]);
    slack.interactivityUrl = `${world.url}/slack/events`;
    context = await openWindow(browser);
    complaints = complaintsOf(context);
    page = await context.newPage();
    await signIn(page, world.url);
  });

  after(async () => {
    await browser?.close();
    await world?.close();
    await slack?.close();
  });

  const cardWith = (text: string) =>
    slack.waitFor(
      () => slack.messages(CHANNEL).find((message) => JSON.stringify(message.blocks).includes(text)) ?? null,
      PATIENCE,
    );
  const approvalOf = (message: { metadata?: unknown }): string =>
    /ap_[0-9a-z]+/.exec(JSON.stringify(message.metadata))![0];

  it('P7: is on the timeline and on the event’s page as Slack showed it, and is what was logged', async () => {
    const agent = await world.agent();
    const call = agent.callTool({
      name: 'create_api_key',
      arguments: { name: 'seen-in-slack', role: 'viewer', note: EVIL, api_token: 'hunter2-marker' },
    });
    const message = await cardWith('seen-in-slack');
    const id = approvalOf(message);
    const asPosted = JSON.stringify(message.blocks);
    const api = await fetch(`${world.url}/api/approvals/${id}`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    const { summary } = (await api.json()) as { summary: string };
    assert.equal(summary, 'Create an API key "seen-in-slack" with role viewer by the token [redacted]');
    for (const words of ['Create an API key "', ' by the token '])
      assert.ok(asPosted.includes(JSON.stringify(words)), words);
    assert.match(message.text, /Create an API key .*seen-in-slack.* with role .*viewer.*\[redacted\]/);
    assert.doesNotMatch(message.text, /hunter2/, 'P8: nor does the notification hold what the policy hides');
    await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: message.ts, actionId: 'approve' });
    await call;
    await cardWith('Approved and done');

    const story = page.locator('#story');
    await eventually(
      'the story is sealed',
      async () => {
        await page.goto(`${world.url}/approvals/${id}`);
        return (await story.locator('.chain.good', { hasText: 'The chain is intact' }).count()) > 0 ? true : null;
      },
      PATIENCE,
    );
    const decided = story.locator('li', { hasText: 'What the approver saw' });
    await decided.getByText('What the approver saw').click();
    await decided.getByText('Clicked on the card itself, as it was at revision 1').waitFor();
    const seen = decided.locator('.slack');
    await decided.getByText('This matches what was logged').waitFor();
    const words = ((await seen.textContent()) ?? '').replaceAll(/\s+/g, ' ');
    for (const text of textsIn(asPosted)) assert.ok(words.includes(text), `the card said: ${text}`);
    assert.equal(await seen.locator('a, button, input, img, script').count(), 0, 'nothing in it acts');

    const posted = story.locator('li', { hasText: 'Card posted' });
    await posted.getByText('Card as seen').click();
    assert.equal(await posted.locator('.slack').textContent(), await seen.textContent());
    assert.deepEqual(await axeFaults(page), []);

    await decided.getByRole('link', { name: /^event \d+$/ }).click();
    await page.waitForURL(/\/audit\/events\/\d+$/);
    await page.getByRole('heading', { name: 'Card as seen' }).waitFor();
    await page.locator('main > section .chain.good', { hasText: 'This matches what was logged' }).first().waitFor();
    assert.equal(await page.evaluate('window.hit'), undefined);
    assert.ok(!(await page.content()).includes('hunter2-marker'), 'P8: what the card did not show is not here');
    assert.deepEqual(await axeFaults(page), []);
  });

  it('says where a decision came from that was made on no card', async () => {
    const agent = await world.agent();
    const call = agent.callTool({ name: 'create_api_key', arguments: { name: 'in-the-console', role: 'viewer' } });
    await page.goto(`${world.url}/`);
    const card = page.locator('article.card', { hasText: 'in-the-console' });
    await card.getByRole('button', { name: 'Approve' }).click();
    await call;
    await page.goto(`${world.url}/approvals/${approvalOf(await cardWith('in-the-console'))}`);
    const decided = page.locator('#story li', { hasText: 'What the approver saw' });
    await decided.getByText('What the approver saw').click();
    await decided.getByText('Decided in the console').waitFor();
  });

  it('broke no script and no rule of the console’s own policy on the way', () => assert.deepEqual(complaints, []));
});

/** The texts that are shown verbatim: those of plain and of rich text. */
function textsIn(blocks: string): string[] {
  const found: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { type, text } = value as { type?: unknown; text?: unknown };
    if ((type === 'plain_text' || type === 'text') && typeof text === 'string')
      found.push(text.replaceAll(/\s+/g, ' '));
    for (const inner of Object.values(value)) walk(inner);
  };
  walk(JSON.parse(blocks));
  assert.ok(found.length > 6);
  return found;
}
