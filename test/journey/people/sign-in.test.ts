import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ADMIN_TOKEN } from '../../support/console/browser.ts';
import { atProvider, Jar, signInAs } from '../../support/people/browserless.ts';
import { type PeopleWorld, peopleWorld } from '../../support/people/world.ts';
import { until } from '../../support/wait.ts';

/** What a page says, without its elements. */
async function wordsOf(answer: Response): Promise<string> {
  return (await answer.text()).replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

async function eventsOf(world: PeopleWorld): Promise<{ type: string; actor: string; data: Record<string, unknown> }[]> {
  const answer = await fetch(`${world.url}/api/events?limit=500`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  return ((await answer.json()) as { items: { type: string; actor: string; data: Record<string, unknown> }[] }).items;
}

describe('Signing in by a provider', () => {
  let world: PeopleWorld;
  before(async () => {
    world = await peopleWorld({ oidc: ', roles: { claim: groups, map: { sec-audit: auditor, night: [operator] } }' });
  });
  after(() => world.close());

  it('lets a person in as themselves, with the roles of the file, and goes where the link led', async () => {
    const jar = new Jar();
    const answer = await signInAs(jar, world.url, 'mira', '/approvals/ap_1?from=slack');
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /url=\/approvals\/ap_1\?from=slack/);
    const page = await (await jar.fetch(`${world.url}/`)).text();
    assert.match(page, /<span class="reviewer">mira<\/span>/);
    assert.doesNotMatch(page, /href="\/audit"/, 'an approver has no audit page');
    assert.equal((await jar.fetch(`${world.url}/audit`)).status, 403);
    const told = (await eventsOf(world)).find(({ type, data }) => type === 'admin.signed_in' && data.person === 'mira');
    assert.equal(told?.actor, 'slack:U0MIRA');
    assert.equal(told?.data.subject, 'mira');
  });

  it('gives an account that belongs to nobody in the file the roles of its groups, 250 of them or one', async () => {
    const many = Array.from({ length: 250 }, (_, n) => `group-${n}`);
    world.provider.accounts.set('gus', { name: 'Gus', groups: [...many, 'sec-audit'] });
    const jar = await world.signedIn('gus');
    assert.equal((await jar.fetch(`${world.url}/audit`)).status, 200);
    assert.equal((await world.send(jar, 'POST', '/api/freeze', { scope: 'all', reason: 'x' })).status, 403);
    world.provider.accounts.set('nils', { name: 'Nils', groups: ['night'] });
    const night = await world.signedIn('nils');
    const frozen = await world.send(night, 'POST', '/api/freeze', { scope: { server: 'prometheus' }, reason: 'night' });
    assert.equal(frozen.status, 201);
    const { id, by } = (await frozen.json()) as { id: string; by: string };
    assert.equal(by, 'sub:nils');
    assert.equal((await world.send(night, 'DELETE', `/api/freeze/${id}`, { reason: 'over' })).status, 200);
  });

  for (const [who, account, says] of [
    [
      'whose account nobody has',
      { name: 'S' },
      /Nobody under people has this account \(stranger\).*sent no claim groups/,
    ],
    [
      'whose groups are left out',
      { _claim_names: { groups: 'src1' } },
      /too many of them.*only the groups that are assigned/,
    ],
    ['whose groups are none that count', { groups: ['other'] }, /no value of groups is under oidc.roles.map/],
    ['whose groups are no list', { groups: { a: 1 } }, /no list of texts/],
  ] as const) {
    it(`refuses somebody ${who}, and says what to do`, async () => {
      // Overage is told by a claim of its own, which userinfo has here as the account has it.
      world.provider.accounts.set('stranger', account as object);
      const jar = new Jar();
      const answer = await signInAs(jar, world.url, 'stranger');
      assert.equal(answer.status, 403);
      assert.match(await wordsOf(answer), says);
      assert.equal((await jar.fetch(`${world.url}/`)).status, 303);
    });
  }

  it('refuses a person of the file who has no role', async () => {
    const answer = await signInAs(new Jar(), world.url, 'nora');
    assert.equal(answer.status, 403);
    assert.match(await wordsOf(answer), /nobody has no role under people/);
  });

  it('makes a new cookie at each sign-in: one that somebody planted before is worth nothing (session fixation)', async () => {
    const thief = await world.signedIn('ada');
    const planted = thief.get(world.url, 'holdfast_session')!;
    const jar = new Jar();
    jar.set(world.url, 'holdfast_session', planted);
    await signInAs(jar, world.url, 'mira');
    assert.notEqual(jar.get(world.url, 'holdfast_session'), planted);
    assert.equal((await thief.fetch(`${world.url}/`)).status, 303, 'the planted session is over');
    const made = new Jar();
    made.set(world.url, 'holdfast_session', 'A'.repeat(43));
    await signInAs(made, world.url, 'mira');
    assert.notEqual(made.get(world.url, 'holdfast_session'), 'A'.repeat(43));
  });

  it('refuses an answer that this browser did not ask for (CSRF at the callback), and one of another of its sign-ins', async () => {
    const attacker = new Jar();
    const back = await atProvider(attacker, world.url, 'ada');
    const victim = new Jar();
    const none = await victim.fetch(back);
    assert.equal(none.status, 400);
    assert.match(await wordsOf(none), /no sign-in under way/);
    await atProvider(victim, world.url, 'mira');
    const mixed = await victim.fetch(back);
    assert.equal(mixed.status, 400);
    assert.match(await wordsOf(mixed), /belongs to another sign-in/);
    assert.equal(victim.get(world.url, 'holdfast_session'), undefined);
  });

  it('takes an answer once: replayed with the same cookie it signs nobody in', async () => {
    const jar = new Jar();
    const back = await atProvider(jar, world.url, 'mira');
    const flow = jar.get(world.url, 'holdfast_sign_in')!;
    assert.equal((await jar.fetch(back)).status, 200);
    const again = new Jar();
    again.set(world.url, 'holdfast_sign_in', flow);
    const answer = await again.fetch(back);
    assert.equal(answer.status, 400);
    assert.match(await wordsOf(answer), /was used before/);
    assert.equal(again.get(world.url, 'holdfast_session'), undefined);
  });

  it('refuses a flow cookie that it did not seal, and an answer in which the provider says no', async () => {
    const forged = new Jar();
    const back = await atProvider(forged, world.url, 'mira');
    forged.set(world.url, 'holdfast_sign_in', Buffer.from('{"state":"x"}').toString('base64url'));
    assert.equal((await forged.fetch(back)).status, 400);
    const jar = new Jar();
    const { state } = Object.fromEntries(new URL(await atProvider(jar, world.url, 'mira')).searchParams) as {
      state: string;
    };
    const iss = encodeURIComponent(world.provider.issuer);
    const said = await jar.fetch(`${world.url}/oidc/callback?state=${state}&error=access_denied&iss=${iss}`);
    assert.equal(said.status, 400);
    assert.match(await wordsOf(said), /access_denied.*administrator/);
  });

  it('refuses an answer that names another issuer (mix-up)', async () => {
    const jar = new Jar();
    const back = new URL(await atProvider(jar, world.url, 'mira'));
    back.searchParams.set('iss', 'https://evil.example');
    const answer = await jar.fetch(back.href);
    assert.equal(answer.status, 400);
    assert.equal(jar.get(world.url, 'holdfast_session'), undefined);
  });

  for (const next of [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/oidc/login',
    '/logout',
    'javascript:alert(1)',
    '/%0d%0aset-cookie:a=b',
  ]) {
    it(`leads nowhere else after the sign-in: ${next}`, async () => {
      const page = await (await signInAs(new Jar(), world.url, 'mira', next)).text();
      const led = /url=([^"]*)"/.exec(page)?.[1] ?? '';
      assert.match(led, /^\/(%0d%0a.*)?$/i);
    });
  }

  it('keeps three doors apart', async () => {
    const jar = await world.signedIn('ada');
    const session = jar.get(world.url, 'holdfast_session')!;
    for (const authorization of [`Bearer ${session}`, `Bearer ${ADMIN_TOKEN}`]) {
      const call = await fetch(`${world.url}/mcp/prometheus`, {
        method: 'POST',
        headers: {
          authorization,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          cookie: jar.header(world.url),
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      });
      assert.equal(call.status, 401);
    }
    assert.equal(
      (await fetch(`${world.url}/api/approvals`, { headers: { authorization: `Bearer ${session}` } })).status,
      401,
    );
  });

  it('ends the session at sign-out, here and at the provider', async () => {
    const jar = await world.signedIn('mira');
    const copy = new Jar();
    copy.set(world.url, 'holdfast_session', jar.get(world.url, 'holdfast_session')!);
    assert.equal((await copy.fetch(`${world.url}/`)).status, 200);
    const cross = await copy.fetch(`${world.url}/logout`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
    });
    assert.equal(cross.status, 403);
    const out = await jar.fetch(`${world.url}/logout`, { method: 'POST', headers: { origin: world.url } });
    assert.equal(out.status, 200);
    assert.equal((await copy.fetch(`${world.url}/`)).status, 303);
    await until('the provider is told', () => world.provider.asked.includes('POST /token/revocation'));

    const end = new URL(/url=([^"]+)"/.exec(await out.text())![1]!.replaceAll('&amp;', '&'));
    assert.equal(end.origin, world.provider.issuer);
    assert.equal(end.searchParams.get('client_id'), 'holdfast');
    assert.ok(end.searchParams.has('id_token_hint'));
    const asked = async () =>
      (await (await jar.follow(`${world.url}/oidc/login`)).response.text()).includes('name="login"');
    const form = await (await jar.fetch(end.href)).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(form)![1]!;
    const body = new URLSearchParams({ xsrf, logout: 'yes' });
    await jar.fetch(/action="([^"]+)"/.exec(form)![1]!, { method: 'POST', body });
    assert.equal(await asked(), true, 'the provider knows nobody in this browser any more');
  });

  it('tells of the admin token as of an emergency', async () => {
    await fetch(`${world.url}/api/approvals`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const used = (await eventsOf(world)).find(({ type }) => type === 'admin.break_glass');
    assert.equal(used?.actor, 'admin');
    assert.equal(used?.data.door, 'api');
    const page = await (await fetch(`${world.url}/login?next=/approvals/ap_1`)).text();
    assert.match(page, /Sign in with localhost:\d+/);
    assert.match(page, /\/oidc\/login\?next=%2Fapprovals%2Fap_1/);
    assert.match(page, /Use the admin token, in an emergency/);
  });
});

describe('A session is confirmed again', () => {
  let world: PeopleWorld;
  before(async () => {
    world = await peopleWorld({ oidc: ', recheck: 1s, roles: { claim: groups, map: { a: auditor } }' });
  });
  after(() => world.close());
  const settled = (jar: Jar, path: string, status: number, what: string): Promise<void> =>
    until(what, async () => (await jar.fetch(`${world.url}${path}`)).status === status);

  it('ends when the account is gone', async () => {
    world.provider.accounts.set('temp', { groups: ['a'] });
    const jar = await world.signedIn('temp');
    assert.equal((await jar.fetch(`${world.url}/`)).status, 200);
    world.provider.accounts.delete('temp');
    await settled(jar, '/', 303, 'the session is over');
    const told = (await eventsOf(world)).filter(({ type, data }) => type === 'admin.signed_out' && 'why' in data);
    assert.match(String(told.at(-1)?.data.why), /no longer vouches/);
  });

  it('ends when the last role is taken', async () => {
    world.provider.accounts.set('temp2', { groups: ['a'] });
    const jar = await world.signedIn('temp2');
    world.provider.accounts.set('temp2', { groups: [] });
    await settled(jar, '/', 303, 'the session is over');
  });

  it('shows nothing while the provider is away, does not end, and leaves the other doors open', async () => {
    const jar = await world.signedIn('ada');
    await world.provider.away(true);
    await settled(jar, '/', 503, 'nobody is recognised');
    assert.match(await wordsOf(await jar.fetch(`${world.url}/`)), /does not answer.*not over.*admin token/);
    const asked = await jar.fetch(`${world.url}/api/approvals`);
    assert.equal(asked.status, 503);
    const glass = new Jar();
    const form = new URLSearchParams({ token: ADMIN_TOKEN, next: '/' });
    const entered = await glass.fetch(`${world.url}/login`, {
      method: 'POST',
      headers: { origin: world.url },
      body: form,
    });
    assert.equal(entered.status, 303);
    assert.equal((await glass.fetch(`${world.url}/`)).status, 200);
    assert.equal((await jar.fetch(`${world.url}/login`)).status, 200, 'the page to sign in is there');
    await world.provider.away(false);
    await settled(jar, '/', 200, 'the session goes on');
  });

  it('can be signed out of while the provider is away', async () => {
    const jar = await world.signedIn('ada');
    const copy = jar.get(world.url, 'holdfast_session')!;
    await world.provider.away(true);
    const out = await jar.fetch(`${world.url}/logout`, { method: 'POST', headers: { origin: world.url } });
    assert.equal(out.status, 200);
    assert.match(await wordsOf(out), /You are signed out here/);
    await world.provider.away(false);
    const again = new Jar();
    again.set(world.url, 'holdfast_session', copy);
    assert.equal((await again.fetch(`${world.url}/`)).status, 303);
  });
});

describe('With refresh tokens that rotate', () => {
  let world: PeopleWorld;
  before(async () => {
    world = await peopleWorld({ oidc: ', recheck: 1s', provider: { refreshTokens: true, accessTtl: 1 } });
  });
  after(() => world.close());

  it('twenty requests at once refresh once, and the session goes on when the access token is over', async () => {
    const jar = await world.signedIn('ada');
    const refreshed = () => world.provider.asked.filter((one) => one === 'POST /token').length;
    for (let round = 0; round < 3; round += 1) {
      const before = refreshed();
      await until('it is asked again', async () => {
        await Promise.all(Array.from({ length: 20 }, () => jar.fetch(`${world.url}/api/approvals`)));
        return refreshed() > before;
      });
      assert.ok(refreshed() - before <= 2, `${refreshed() - before} refreshes`);
    }
    assert.equal((await jar.fetch(`${world.url}/`)).status, 200);
  });
});

describe('A public client: the provider gave it no secret', () => {
  let world: PeopleWorld;
  before(async () => {
    world = await peopleWorld({
      oidc: ', recheck: 1s',
      provider: { publicClient: true, refreshTokens: true, accessTtl: 1 },
    });
  });
  after(() => world.close());

  it('signs in by PKCE alone, is confirmed again by refresh tokens, and signs out', async () => {
    const jar = await world.signedIn('ada');
    assert.equal((await jar.fetch(`${world.url}/audit`)).status, 200);
    const refreshed = () => world.provider.asked.filter((one) => one === 'POST /token').length;
    const before = refreshed();
    await until('it is asked again', async () => {
      assert.equal((await jar.fetch(`${world.url}/api/approvals`)).status, 200);
      return refreshed() > before;
    });
    const out = await jar.fetch(`${world.url}/logout`, { method: 'POST', headers: { origin: world.url } });
    assert.match(await wordsOf(out), /You are signed out here/);
    assert.equal((await jar.fetch(`${world.url}/`)).status, 303);
    await until('the provider is told', () => world.provider.asked.includes('POST /token/revocation'));
  });

  it('takes no code for another browser, which has another verifier', async () => {
    const [thief, victim] = [new Jar(), new Jar()];
    const back = new URL(await atProvider(victim, world.url, 'ada'));
    const own = new URL(await atProvider(thief, world.url, 'mira'));
    own.searchParams.set('code', back.searchParams.get('code')!);
    const answer = await thief.fetch(own.href);
    assert.equal(answer.status, 400);
    assert.match(await wordsOf(answer), /did not take the code/);
    assert.equal(thief.get(world.url, 'holdfast_session'), undefined);
  });
});
