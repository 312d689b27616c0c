import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import {
  axeFaults,
  type ConsoleWorld,
  complaintsOf,
  consoleWorld,
  openBrowser,
  openWindow,
  signIn,
} from '../../support/console/browser.ts';

const SECTIONS = `resources: { default: deny, "file:///srv/*": allow }
prompts: { default: allow, "admin*": deny }
methods: { "logging/*": deny }
`;

describe('Resources, prompts and methods in the console', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  before(async () => {
    [world, browser] = await Promise.all([consoleWorld({ policy: SECTIONS }), openBrowser()]);
    const context = await openWindow(browser);
    complaints = complaintsOf(context);
    page = await context.newPage();
    await signIn(page, world.url);
    const agent = await world.agent();
    const refused = async (work: Promise<unknown>) => assert.match(String(await work.catch(String)), /./);
    const loose = agent as unknown as { request(message: object, schema: object): Promise<unknown> };
    const ask = (method: string, params: object) =>
      refused(loose.request({ method, params }, { parse: (x: unknown) => x }));
    await ask('resources/read', { uri: 'file:///srv/notes.md?api_key=sk-1' });
    await ask('resources/read', { uri: 'file:///etc/<b>passwd</b>' });
    await ask('prompts/get', { name: 'admin_reset' });
    await agent.close();
  });

  after(async () => {
    await browser?.close();
    await world?.close();
  });

  const row = (text: string) => page.locator('tbody tr', { hasText: text });

  it('shows on Activity what was read, and what was denied, with its name as text', async () => {
    await page.goto(`${world.url}/activity`);
    await row('resources/read file:///srv/notes.md?api_key=[redacted]').getByText('Resource read').waitFor();
    await row('<b>passwd</b>').getByText('Denied by policy').waitFor();
    await row('admin_reset').getByText('Denied by policy').waitFor();
    assert.equal(await page.getByText('sk-1').count(), 0);
    assert.deepEqual(await axeFaults(page), []);
  });

  it('finds them on Audit by what they were about', async () => {
    await page.goto(`${world.url}/audit?what=resources&verdict=deny`);
    await row('passwd').waitFor();
    assert.equal(await row('notes.md').count(), 0);
    assert.equal(await page.getByLabel('What').inputValue(), 'resources');
    await page.getByLabel('What').selectOption('prompts');
    await page.getByRole('button', { name: 'Search' }).click();
    await row('admin_reset').waitFor();
    await page.goto(`${world.url}/audit?types=resource.read`);
    await row('notes.md').getByRole('link').first().click();
    await page.getByRole('heading', { name: 'Resource read' }).waitFor();
    assert.deepEqual(await axeFaults(page), []);
  });

  it('shows the sections on Policies, and explains a resource, a prompt and a method', async () => {
    await page.goto(`${world.url}/policies`);
    const LABELS = { tool: 'Tool', resource: 'URI', prompt: 'Prompt', method: 'Method' };
    const section = page.getByRole('table', { name: 'Resources of prometheus' });
    assert.match((await section.textContent()) ?? '', /file:\/\/\/srv\/\*\s*allow\s*any other\s*deny/);
    const explain = async (what: keyof typeof LABELS, name: string) => {
      const label = LABELS[what];
      await page.getByLabel('What', { exact: true }).selectOption(what);
      await page.getByLabel(label, { exact: true }).fill(name);
      assert.equal(await page.getByLabel('Arguments, as JSON').isVisible(), what === 'tool');
      await page.getByRole('button', { name: 'Explain' }).click();
      const said = page.getByRole('region', { name: 'What policy says' });
      await said.getByText(`${name} on prometheus`).waitFor();
      return (await said.textContent()) ?? '';
    };
    assert.match(await explain('resource', 'file:///srv/../etc'), /deny.*in another way/s);
    assert.match(await explain('resource', 'file:///srv/a'), /allow.*resources\.file:\/\/\/srv\/\*/s);
    assert.match(await explain('prompt', 'admin_x'), /deny.*prompts\.admin\*/s);
    assert.match(await explain('method', 'acme/x'), /deny.*no revision of MCP/s);
    assert.match(await explain('tool', 'query'), /allow.*tools\.query/s);
    assert.deepEqual(await axeFaults(page), []);
    if (process.env.PICTURES !== undefined) {
      await page.screenshot({ path: `${process.env.PICTURES}/policies.png`, fullPage: true });
      await page.goto(`${world.url}/activity`);
      await page.screenshot({ path: `${process.env.PICTURES}/activity.png`, fullPage: true });
      await page.goto(`${world.url}/audit`);
      await page.screenshot({ path: `${process.env.PICTURES}/audit.png`, fullPage: true });
    }
  });

  it('broke no script and no rule of its own policy on the way', () => assert.deepEqual(complaints, []));
});
