import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import {
  ADMIN_TOKEN,
  axeFaults,
  type ConsoleWorld,
  complaintsOf,
  consoleWorld,
  openBrowser,
} from '../../support/console/browser.ts';

interface Answer {
  readonly status: number;
  readonly cookie: string | null;
  readonly text: string;
}

/** A request with exactly these headers. */
function ask(url: string, method: string, path: string, headers: Record<string, string> = {}, body = '') {
  return new Promise<Answer>((resolve, reject) => {
    const sent = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const cookie = response.headers['set-cookie']?.[0]?.split(';')[0] ?? null;
        resolve({ status: response.statusCode!, cookie, text });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('A one-time link from the terminal', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let browser: Browser;
  before(async () => {
    [world, browser] = await Promise.all([consoleWorld(), openBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await world?.close();
  });

  const made = (): { link: string; secret: string } => {
    const link = world.running.signInLink()!;
    return { link, secret: link.split('#')[1]! };
  };
  const spend = (secret: string, headers: Record<string, string> = {}, path = '/sign-in') => {
    const own = { origin: world.url, 'content-type': 'application/json' };
    return ask(world.url, 'POST', path, { ...own, ...headers }, JSON.stringify({ link: secret }));
  };

  it('signs a browser in once, and leaves its secret neither in the address nor in the history', async () => {
    const { link, secret } = made();
    assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/sign-in#[\w-]{43}$/);
    const context = await browser.newContext();
    const complaints = complaintsOf(context);
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (each) => asked.push(each.url()));
    await page.goto(link);
    await page.waitForURL(`${world.url}/`);
    await page.getByRole('heading', { name: 'Approvals' }).first().waitFor();
    assert.ok(
      asked.every((address) => !address.includes(secret)),
      asked.join('\n'),
    );
    await page.goBack();
    assert.doesNotMatch(page.url(), /#/);
    assert.deepEqual(complaints, []);
    const second = await (await browser.newContext()).newPage();
    await second.goto(link);
    await second.getByText('This link opens nothing').waitFor();
    assert.equal(new URL(second.url()).hash, '');
    assert.equal((await second.context().cookies()).length, 0);
    assert.deepEqual(await axeFaults(second), []);
  });

  it('P8: is open to the first who has it, to nobody twice, and in no log', async () => {
    const { secret } = made();
    const racing = await Promise.all(Array.from({ length: 8 }, () => spend(secret)));
    assert.deepEqual(
      racing.map(({ status }) => status).filter((status) => status === 200),
      [200],
    );
    assert.equal(racing.filter(({ cookie }) => cookie !== null).length, 1);
    const bearer = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const { text } = await ask(world.url, 'GET', '/api/events?after=0&limit=500', bearer);
    assert.ok(!text.includes(secret));
    const events = (JSON.parse(text) as { items: { type: string; data: Record<string, unknown> }[] }).items;
    assert.ok(
      events.some(({ type, data }) => type === 'admin.signed_in' && data.by === 'link'),
      'the log tells how',
    );
  });

  it('a GET changes nothing, whatever it carries', async () => {
    const { secret } = made();
    for (const path of ['/sign-in', `/sign-in?link=${secret}`, `/sign-in/${secret}`]) {
      const { cookie } = await ask(world.url, 'GET', path, { origin: world.url });
      assert.equal(cookie, null, path);
    }
    assert.equal((await ask(world.url, 'HEAD', '/sign-in')).cookie, null);
    assert.equal((await spend(secret)).status, 200, 'it is still open');
  });

  it('is refused to other origins, other hosts, forms, and whatever came through a proxy', async () => {
    const { secret } = made();
    const refused: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: world.url, 'sec-fetch-site': 'cross-site' },
      { origin: world.url.replace('127.0.0.1', 'localhost') },
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { host: 'evil.example' },
    ];
    for (const headers of refused) {
      const { status, cookie } = await spend(secret, headers);
      assert.equal(status, 403, JSON.stringify(headers));
      assert.equal(cookie, null);
    }
    const noOrigin = await ask(
      world.url,
      'POST',
      '/sign-in',
      { 'content-type': 'application/json' },
      JSON.stringify({ link: secret }),
    );
    assert.equal(noOrigin.status, 403);
    for (const body of ['', '[]', '{}', '{"link":1}', 'null', '{"link":{}}']) {
      const { status } = await ask(
        world.url,
        'POST',
        '/sign-in',
        { origin: world.url, 'content-type': 'application/json' },
        body,
      );
      assert.equal(status, 400, body);
    }
    const forwarded = await spend(secret, { 'x-forwarded-for': '10.0.0.1' });
    assert.equal(forwarded.cookie, null);
    assert.equal(forwarded.status, 401);
    assert.equal((await spend(secret)).status, 401, 'whoever had it may have seen it: it is spent');
  });

  it('is not offered where the console is closed or has a public address, and nothing opens one there', async () => {
    for (const more of [{ adminToken: null }, { env: { HOLDFAST_PUBLIC_URL: 'https://holdfast.example.com' } }]) {
      const other = await consoleWorld(more);
      try {
        assert.equal(other.running.signInLink(), null, JSON.stringify(more));
        const headers = { origin: other.url, 'content-type': 'application/json' };
        const tried = await ask(other.url, 'POST', '/sign-in', headers, JSON.stringify({ link: '' }));
        assert.equal(tried.cookie, null);
        assert.ok([401, 403].includes(tried.status), String(tried.status));
      } finally {
        await other.close();
      }
    }
  });
});
