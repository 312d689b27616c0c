import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { ADMIN_TOKEN, type ConsoleWorld, consoleWorld } from '../../support/console/browser.ts';
import { Jar } from '../../support/people/browserless.ts';
import { type Forgery, startForger } from '../../support/people/forged-provider.ts';
import { freePort } from '../../support/port.ts';
import { until } from '../../support/wait.ts';

const SECRET = 'client-secret-for-tests-only-32-octets';
const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout';

type Forger = Awaited<ReturnType<typeof startForger>>;

async function signIn(world: ConsoleWorld, forger: Forger, forgery: Forgery, jar = new Jar()) {
  forger.forge(forgery);
  const { response } = await jar.follow(`${world.url}/oidc/login`);
  const words = (await response.text()).replace(/<[^>]+>/g, ' ');
  return { status: response.status, words, jar, session: jar.get(world.url, 'holdfast_session') };
}

interface Told {
  readonly type: string;
  readonly actor: string;
  readonly data: Record<string, unknown>;
}

async function eventsOf(world: ConsoleWorld): Promise<readonly Told[]> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const answer = await fetch(`${world.url}/api/events?limit=500`, { headers });
  return ((await answer.json()) as { items: readonly Told[] }).items;
}

/** What a page of the console sends. */
function send(world: ConsoleWorld, jar: Jar, method: string, path: string, body: object): Promise<Response> {
  const headers = { origin: world.url, 'content-type': 'application/json' };
  return jar.fetch(`${world.url}${path}`, { method, headers, body: JSON.stringify(body) });
}

async function worldFor(forger: Forger, oidc: string, people: string): Promise<ConsoleWorld> {
  return consoleWorld({
    env: { HOLDFAST_LISTEN: `127.0.0.1:${await freePort()}`, HOLDFAST_OIDC_CLIENT_SECRET: SECRET },
    config: `people:\n${people}oidc: { issuer: "${forger.issuer}", client_id: holdfast${oidc} }\n`,
  });
}

function refuse(response: ServerResponse, status: number, error: string): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  return true;
}

describe('A token that is not as it must be signs nobody in, and the page says what to do', () => {
  let world: ConsoleWorld;
  let forger: Forger;
  before(async () => {
    forger = await startForger('holdfast', SECRET);
    world = await worldFor(forger, '', '  mira: { slack: U0MIRA, login: mira, roles: [approver] }\n');
  });
  after(async () => {
    await world.close();
    await forger.close();
  });

  it('an honest one does', async () => {
    const { status, session } = await signIn(world, forger, {});
    assert.equal(status, 200);
    assert.ok(session);
  });

  const later = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;
  const cases: readonly (readonly [string, Forgery, RegExp])[] = [
    ['another audience', { claims: (c) => ({ ...c, aud: 'other' }) }, /aud does not fit.*oidc\.client_id/],
    ['two audiences, and another party', { claims: (c) => ({ ...c, aud: ['holdfast', 'other'], azp: 'other' }) }, /./],
    ['another issuer', { claims: (c) => ({ ...c, iss: 'https://evil.example' }) }, /iss does not fit.*oidc\.issuer/],
    ['no signature (alg none)', { signed: 'none' }, /cannot be trusted/],
    ['the client secret as its key (key confusion)', { signed: 'client' }, /cannot be trusted/],
    ['a stranger’s key', { signed: 'stranger' }, /cannot be trusted/],
    ['an end that is over', { claims: (c) => ({ ...c, iat: later(-4000), exp: later(-300) }) }, /not valid now.*NTP/],
    ['a clock five minutes ahead', { claims: (c) => ({ ...c, nbf: later(300) }) }, /not valid now.*clocks.*NTP/],
    [
      'issued five minutes from now',
      { claims: (c) => ({ ...c, iat: later(300), exp: later(900) }) },
      /not valid now.*clocks.*NTP/,
    ],
    ['another nonce', { claims: (c) => ({ ...c, nonce: 'another' }) }, /nonce does not fit/],
    ['no nonce', { claims: ({ nonce: _, ...c }) => c }, /./],
    ['no subject', { claims: ({ sub: _, ...c }) => c }, /./],
    [
      'a subject that is too long',
      { claims: (c) => ({ ...c, sub: 'x'.repeat(300) }), userInfo: { sub: 'x'.repeat(300) } },
      /./,
    ],
    ['userinfo of somebody else', { userInfo: { sub: 'olga' } }, /./],
  ];
  for (const [what, forgery, says] of cases) {
    it(what, async () => {
      const { status, words, session } = await signIn(world, forger, forgery);
      assert.equal(status, 400, words);
      assert.equal(session, undefined);
      assert.match(words, says);
      assert.doesNotMatch(words, /eyJ/, 'no token is shown');
    });
  }

  it('clocks that differ by less than a minute are no reason', async () => {
    const { status } = await signIn(world, forger, { claims: (c) => ({ ...c, nbf: later(40), iat: later(40) }) });
    assert.equal(status, 200);
  });

  it('a subject that spells the admin token’s name, or a Slack id, is neither', async () => {
    for (const sub of ['admin', 'U0MIRA', 'Mira', 'sub:mira']) {
      const { status } = await signIn(world, forger, { claims: (c) => ({ ...c, sub }), userInfo: { sub } });
      assert.equal(status, 403, sub);
    }
  });

  it('an answer without an end is not read to it', async () => {
    const endless =
      (path: string): NonNullable<Forgery['answer']> =>
      (asked, response) => {
        if (asked !== path) return false;
        response.writeHead(200, { 'content-type': 'application/json' });
        const part = Buffer.alloc(64 * 1024, 'a');
        const more = (): void => {
          while (!response.destroyed && response.write(part));
        };
        response.on('drain', more);
        response.write('{"sub":"mira","x":"');
        more();
        return true;
      };
    for (const path of ['/userinfo', '/token']) {
      const { status, words } = await signIn(world, forger, { answer: endless(path) });
      assert.equal(status, 400, path);
      assert.match(words, /too long/, path);
    }
  });

  it('one flow asks the provider once, however often its answer is brought', async () => {
    forger.forge({ answer: (path, response) => path === '/token' && refuse(response, 400, 'invalid_grant') });
    const jar = new Jar();
    const sent = await jar.fetch(`${world.url}/oidc/login`);
    const state = new URL(sent.headers.get('location')!).searchParams.get('state')!;
    const cookie = jar.header(world.url);
    const before = forger.asked.length;
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const answer = await fetch(`${world.url}/oidc/callback?code=x${n}&state=${state}`, { headers: { cookie } });
        await answer.text();
        return answer.status;
      }),
    );
    assert.deepEqual(forger.asked.slice(before), ['POST /token']);
    assert.deepEqual([...new Set(answers)], [400]);
  });

  it('many flows of one address are taken to the provider a few at a time, and the others are told to wait', async () => {
    let [now, most] = [0, 0];
    const answer: NonNullable<Forgery['answer']> = (path, response) => {
      if (path !== '/token') return false;
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        refuse(response, 400, 'invalid_grant');
      }, 500);
      return true;
    };
    forger.forge({ answer });
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const jar = new Jar();
        const sent = await jar.fetch(`${world.url}/oidc/login`);
        const state = new URL(sent.headers.get('location')!).searchParams.get('state')!;
        const back = await jar.fetch(`${world.url}/oidc/callback?code=x&state=${state}`);
        await back.text();
        return back.status === 429 ? `429 ${back.headers.get('retry-after')}` : String(back.status);
      }),
    );
    assert.ok(most <= 8, `${most} at once`);
    assert.deepEqual([...new Set(statuses)].toSorted(), ['400', '429 1']);
  });

  it('an account has ten sessions: with the eleventh the one ends that was confirmed least lately', async () => {
    const jars: Jar[] = [];
    for (let n = 0; n < 11; n += 1) jars.push((await signIn(world, forger, {})).jar);
    const open = await Promise.all(jars.map(async (jar) => (await jar.fetch(`${world.url}/`)).status === 200));
    assert.deepEqual(open, [false, ...Array.from({ length: 10 }, () => true)]);
    const told = (await eventsOf(world)).filter(({ data }) => String(data.why).includes('10 newer sessions'));
    assert.ok(told.length >= 1);
  });

  it('whoever signs in again in a browser has one session there, although none comes back from the provider', async () => {
    const { jar } = await signIn(world, forger, {});
    const before = jar.get(world.url, 'holdfast_session')!;
    // As a browser does: the cookie of the session goes there, and does not come back from another site.
    const sent = await jar.fetch(`${world.url}/oidc/login`);
    jar.drop(world.url, 'holdfast_session');
    const { response } = await jar.follow(sent.headers.get('location')!);
    assert.equal(response.status, 200);
    const old = new Jar();
    old.set(world.url, 'holdfast_session', before);
    assert.equal((await old.fetch(`${world.url}/`)).status, 303);
    assert.equal((await jar.fetch(`${world.url}/`)).status, 200);
  });

  it('the admin token’s use is told at each change, by header or by a session that it opened', async () => {
    const jar = new Jar();
    await jar.fetch(`${world.url}/login`, {
      method: 'POST',
      headers: { origin: world.url },
      body: new URLSearchParams({ token: ADMIN_TOKEN, next: '/' }),
    });
    for (const path of ['/api/freeze', '/console/revoke']) await send(world, jar, 'POST', path, {});
    await until('both are told', async () => {
      const told = (await eventsOf(world))
        .filter(({ type }) => type === 'admin.break_glass')
        .map(({ data }) => data.what);
      return ['POST /login', 'POST /api/freeze', 'POST /console/revoke'].every((what) => told.includes(what));
    });
  });

  describe('Back-channel logout', () => {
    const claims = (more: object = {}) => {
      const iat = later(0);
      return {
        iss: forger.issuer,
        aud: 'holdfast',
        iat,
        exp: iat + 120,
        jti: `${Math.random()}`,
        sub: 'mira',
        events: { [LOGOUT]: {} },
        ...more,
      };
    };
    const sendToken = (token: string) =>
      fetch(`${world.url}/oidc/logout`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) });
    const isIn = async (jar: Jar) => (await jar.fetch(`${world.url}/`)).status === 200;

    it('ends the sessions of the account, or the one session', async () => {
      const one = (await signIn(world, forger, { claims: (c) => ({ ...c, sid: 's1' }) })).jar;
      const two = (await signIn(world, forger, { claims: (c) => ({ ...c, sid: 's2' }) })).jar;
      assert.equal((await sendToken(await forger.sign(claims({ sid: 's1' }), 'logout+jwt'))).status, 200);
      assert.deepEqual([await isIn(one), await isIn(two)], [false, true]);
      assert.equal((await sendToken(await forger.sign(claims(), 'logout+jwt'))).status, 200);
      assert.equal(await isIn(two), false);
    });

    it('takes nothing else for one', async () => {
      const { jar } = await signIn(world, forger, { claims: (c) => ({ ...c, sid: 's3' }) });
      const wrong = [
        await forger.sign(claims(), 'logout+jwt', 'none'),
        await forger.sign(claims(), 'logout+jwt', 'client'),
        await forger.sign(claims(), 'logout+jwt', 'stranger'),
        await forger.sign(claims({ aud: 'other' }), 'logout+jwt'),
        await forger.sign(claims({ iss: 'https://evil.example' }), 'logout+jwt'),
        await forger.sign(claims({ nonce: 'n' }), 'logout+jwt'),
        await forger.sign(claims({ events: {} }), 'logout+jwt'),
        await forger.sign(claims({ iat: later(-3600), exp: later(60) }), 'logout+jwt'),
        await forger.sign(claims(), 'at+jwt'),
        'x',
      ];
      for (const token of wrong) assert.equal((await sendToken(token)).status, 400);
      assert.equal(await isIn(jar), true);
      const bare = await fetch(`${world.url}/oidc/logout`, {
        method: 'POST',
        headers: { cookie: jar.header(world.url) },
      });
      assert.equal(bare.status, 400, 'another site’s page signs nobody out');
      assert.equal(await isIn(jar), true);
    });

    it('a token with session and account ends a login that has no session of the provider, and no other account’s', async () => {
      const bare = (await signIn(world, forger, {})).jar;
      const other = (await signIn(world, forger, { claims: (c) => ({ ...c, sid: 'other' }) })).jar;
      assert.equal((await sendToken(await forger.sign(claims({ sid: 's9' }), 'logout+jwt'))).status, 200);
      assert.deepEqual([await isIn(bare), await isIn(other)], [false, true]);
      assert.equal(
        (await sendToken(await forger.sign(claims({ sid: 'other', sub: 'olga' }), 'logout+jwt'))).status,
        200,
      );
      assert.equal(await isIn(other), true);
    });

    it('a session’s name counts whole, however long it is', async () => {
      const long = (end: string): string => `${'x'.repeat(300)}${end}`;
      const one = (await signIn(world, forger, { claims: (c) => ({ ...c, sid: long('1') }) })).jar;
      const two = (await signIn(world, forger, { claims: (c) => ({ ...c, sid: long('2') }) })).jar;
      assert.equal((await sendToken(await forger.sign(claims({ sid: long('1') }), 'logout+jwt'))).status, 200);
      assert.deepEqual([await isIn(one), await isIn(two)], [false, true]);
    });

    it('the same token again ends no newer session', async () => {
      const token = await forger.sign(claims(), 'logout+jwt');
      assert.equal((await sendToken(token)).status, 200);
      const { jar } = await signIn(world, forger, {});
      assert.equal((await sendToken(token)).status, 400);
      assert.equal(await isIn(jar), true);
    });

    it('takes none that lacks what it must have', async () => {
      const { jar } = await signIn(world, forger, {});
      const lacking = [
        { exp: undefined },
        { jti: undefined },
        { jti: 5 },
        { events: { [LOGOUT]: 'x' } },
        { events: { [LOGOUT]: [] } },
        { events: [LOGOUT] },
        { sid: 5 },
        { sub: 'a\u0000b' },
        { sub: undefined },
      ];
      for (const more of lacking) {
        const token = await forger.sign(claims(more), 'logout+jwt');
        assert.equal((await sendToken(token)).status, 400, JSON.stringify(more));
      }
      assert.equal(await isIn(jar), true);
    });

    it('where the provider’s keys cannot be had, says so, so that the provider tries again', async () => {
      const away = await startForger('holdfast', SECRET);
      const far = await worldFor(away, '', '  mira: { login: mira, roles: [approver] }\n');
      try {
        const { jar } = await signIn(far, away, {});
        const iat = later(0);
        const token = await away.sign(
          { iss: away.issuer, aud: 'holdfast', iat, exp: iat + 120, jti: '1', sub: 'mira', events: { [LOGOUT]: {} } },
          'logout+jwt',
        );
        const body = (): RequestInit => ({ method: 'POST', body: new URLSearchParams({ logout_token: token }) });
        away.forge({ answer: (path, response) => path === '/jwks' && refuse(response, 500, 'down') });
        const before = away.asked.length;
        const statuses = await Promise.all(
          [1, 2, 3, 4, 5].map(async () => (await fetch(`${far.url}/oidc/logout`, body())).status),
        );
        assert.deepEqual([...new Set(statuses)], [503]);
        assert.equal((await fetch(`${far.url}/oidc/logout`, body())).status, 503);
        assert.deepEqual(away.asked.slice(before), ['GET /jwks'], 'however many come, it is asked once in a while');
        assert.equal((await jar.fetch(`${far.url}/`)).status, 200);
        away.forge({});
        await until('it is taken', async () => (await fetch(`${far.url}/oidc/logout`, body())).status === 200, 20_000);
        assert.equal((await jar.fetch(`${far.url}/`)).status, 303);
      } finally {
        await far.close();
        await away.close();
      }
    });
  });
});

describe('Matched by a verified e-mail address, where the file says so', () => {
  let world: ConsoleWorld;
  let forger: Forger;
  before(async () => {
    forger = await startForger('holdfast', SECRET);
    world = await worldFor(
      forger,
      ', match: email, recheck: 1s, roles: { claim: groups, map: { night: operator } }',
      '  mira: { login: mira@example.com, roles: [approver] }\n  olga: { login: olga@example.com, subject: olga-1, roles: [operator] }\n  mike: { login: mike@example.com, roles: [operator] }\n  ines: { login: ines@example.com, roles: [auditor] }\n  spare: { login: spare@example.com, roles: [operator] }\n  nina: { login: nina@example.com, roles: [operator] }\n',
    );
  });
  after(async () => {
    await world.close();
    await forger.close();
  });
  const account = (sub: string, email: string, verified: unknown = true): Forgery => {
    return { claims: (c) => ({ ...c, sub, email, email_verified: verified }), userInfo: { sub } };
  };

  it('an address that is not verified is nobody’s', async () => {
    for (const verified of [false, null, 'false', 1]) {
      const { status, words } = await signIn(world, forger, account('m-1', 'mira@example.com', verified));
      assert.equal(status, 403, words);
      assert.match(words, /without a verified e-mail address/);
    }
  });

  it('the first account that comes with an address keeps it; a second one with the same is refused', async () => {
    const first = await signIn(world, forger, account('m-1', 'Mira@Example.com'));
    assert.equal(first.status, 200);
    const second = await signIn(world, forger, account('m-2', 'mira@example.com'));
    assert.equal(second.status, 403);
    assert.match(second.words, /belongs to another account.*subject under people/);
    assert.equal((await signIn(world, forger, account('m-1', 'mira@example.com'))).status, 200);
  });

  it('a person whose address changed is told so and not taken for another, and who has the old one now is not taken for them', async () => {
    assert.equal((await signIn(world, forger, account('m-1', 'mira@example.com'))).status, 200);
    const renamed = await signIn(world, forger, account('m-1', 'mira.new@example.com'));
    assert.equal(renamed.status, 403);
    assert.match(renamed.words, /Nobody under people has this account \(mira\.new@example\.com\)/);
    const heir = await signIn(world, forger, account('m-3', 'mira@example.com'));
    assert.equal(heir.status, 403);
    assert.match(heir.words, /belongs to another account here/);
    const displayed: Forgery = {
      ...account('m-1', 'mira@example.com'),
      userInfo: { sub: 'm-1', name: 'olga\u202e <b>admin</b>' },
    };
    const { jar, status } = await signIn(world, forger, displayed);
    assert.equal(status, 200);
    const page = await (await jar.fetch(`${world.url}/`)).text();
    assert.match(page, /<span class="reviewer">mira<\/span>/, 'a name at the provider changes nothing here');
  });

  it('a person with a subject is that account, whatever address it or another has', async () => {
    assert.equal((await signIn(world, forger, account('olga-2', 'olga@example.com'))).status, 403);
    const renamed = await signIn(world, forger, account('olga-1', 'olga.married@example.com'));
    assert.equal(renamed.status, 200);
    const page = await (await renamed.jar.fetch(`${world.url}/`)).text();
    assert.match(page, /<span class="reviewer">olga<\/span>/);
  });

  it('a letter that only looks small elsewhere is another letter', async () => {
    const { status, words } = await signIn(world, forger, account('k-1', 'mi\u212Ae@example.com'));
    assert.equal(status, 403, words);
    assert.equal((await signIn(world, forger, account('k-2', 'MIKE@example.com'))).status, 200);
  });

  it('P1: a session that began as one person is never another’s: it ends, and the log says why', async () => {
    const before = { sub: 'i-1', email: 'ines@example.com', email_verified: true };
    const { status, words, jar } = await signIn(world, forger, {
      claims: (c) => ({ ...c, sub: 'i-1' }),
      userInfo: before,
    });
    assert.equal(status, 200, words);
    assert.equal((await jar.fetch(`${world.url}/audit`)).status, 200);
    forger.forge({ userInfo: { ...before, email: 'mira@example.com' } });
    await until('it is over', async () => (await jar.fetch(`${world.url}/audit`)).status === 303);
    const ended = (await eventsOf(world))
      .filter(({ type, data }) => type === 'admin.signed_out' && 'why' in data)
      .at(-1);
    assert.match(String(ended?.data.why), /another (account|e-mail address)/);
    const again = await signIn(world, forger, {
      claims: (c) => ({ ...c, sub: 'i-1' }),
      userInfo: { ...before, email: 'nina@example.com' },
    });
    assert.equal(again.status, 403);
    assert.match(again.words, /another e-mail address/);
  });

  it('P1: a session that began by a role of the claim does not become a person’s by an address that came later', async () => {
    const said = { sub: 'g-1', groups: ['night'] };
    const { jar, status, words } = await signIn(world, forger, {
      claims: (c) => ({ ...c, sub: 'g-1' }),
      userInfo: said,
    });
    assert.equal(status, 200, words);
    forger.forge({ userInfo: { ...said, email: 'mira2@example.com', email_verified: true } });
    const before = forger.asked.length;
    await until('it was asked again', async () => {
      assert.equal((await jar.fetch(`${world.url}/`)).status, 200, 'an address of nobody here changes nothing');
      return forger.asked.length > before;
    });
    forger.forge({ userInfo: { ...said, email: 'spare@example.com', email_verified: true } });
    await until('it is over', async () => (await jar.fetch(`${world.url}/`)).status === 303);
    const ended = (await eventsOf(world))
      .filter(({ type, data }) => type === 'admin.signed_out' && 'now' in data)
      .at(-1);
    assert.deepEqual(ended?.data.before, { person: null, by: 'claim' });
    assert.deepEqual(ended?.data.now, { id: 'spare@example.com', person: 'spare', by: 'email' });
  });

  it('a role that the provider takes away by leaving the claim out is gone', async () => {
    const { jar } = await signIn(world, forger, {
      claims: (c) => ({ ...c, sub: 'g-2' }),
      userInfo: { sub: 'g-2', groups: ['night'] },
    });
    assert.equal((await jar.fetch(`${world.url}/grants`)).status, 200);
    forger.forge({ userInfo: { sub: 'g-2' } });
    await until('it is over', async () => (await jar.fetch(`${world.url}/grants`)).status === 303);
  });

  it('a role that only the ID token tells of stays while userinfo is silent, and goes when it speaks', async () => {
    const sub = 'g-3';
    const { jar } = await signIn(world, forger, {
      claims: (c) => ({ ...c, sub, groups: ['night'] }),
      userInfo: { sub },
    });
    const before = forger.asked.length;
    await until('it was asked again, twice', async () => {
      assert.equal((await jar.fetch(`${world.url}/grants`)).status, 200);
      return forger.asked.slice(before).filter((one) => one === 'GET /userinfo').length >= 2;
    });
    forger.forge({ userInfo: { sub, groups: [] } });
    await until('it is over', async () => (await jar.fetch(`${world.url}/grants`)).status === 303);
  });

  describe('Tokens of somebody', () => {
    const sub = 'olga-1';
    const olga = (more: Forgery = {}): Forgery => ({ claims: (c) => ({ ...c, sub }), userInfo: { sub }, ...more });
    const opens = async (token: string) =>
      (await fetch(`${world.url}/api/freeze`, { headers: { authorization: `Bearer ${token}` } })).status;
    const make = async (jar: Jar): Promise<string> => {
      const made = await send(world, jar, 'POST', '/api/tokens', { name: 'x', role: 'operator' });
      assert.equal(made.status, 201);
      return ((await made.json()) as { token: string }).token;
    };
    const unauthorized: NonNullable<Forgery['answer']> = (path, response) => {
      if (path !== '/userinfo') return false;
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
      return true;
    };

    it('whose account is over open nothing until they sign in again, and the log says so', async () => {
      const { jar } = await signIn(world, forger, olga());
      const token = await make(jar);
      assert.equal(await opens(token), 200);
      forger.forge(olga({ answer: unauthorized }));
      await until('it is over', async () => (await jar.fetch(`${world.url}/`)).status === 303);
      assert.equal(await opens(token), 401);
      const told = (await eventsOf(world)).filter(({ type }) => type === 'token.suspended').at(-1);
      assert.equal(told?.actor, 'login:olga@example.com');
      assert.equal((await signIn(world, forger, olga())).status, 200);
      assert.equal(await opens(token), 200);
    });

    it('whose access token only came to its end go on', async () => {
      const { jar } = await signIn(world, forger, olga({ expiresIn: 1 }));
      const token = await make(jar);
      forger.forge(olga({ answer: unauthorized }));
      await until('it is over', async () => (await jar.fetch(`${world.url}/`)).status === 303);
      assert.equal(await opens(token), 200);
    });

    it('are not stopped, and nobody’s session ends, where the provider no longer takes this client', async () => {
      const { jar } = await signIn(world, forger, olga({ refresh: 'r' }));
      const token = await make(jar);
      const answer: NonNullable<Forgery['answer']> = (path, response) => {
        if (path !== '/token') return false;
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"', 'content-type': 'application/json' });
        response.end('{"error":"invalid_client"}');
        return true;
      };
      forger.forge(olga({ answer }));
      await until('nobody is recognised', async () => (await jar.fetch(`${world.url}/`)).status === 503);
      assert.equal(await opens(token), 200);
      forger.forge(olga({ refresh: 'r' }));
      await until('it goes on', async () => (await jar.fetch(`${world.url}/`)).status === 200);
    });
  });
});

describe('Where the provider says that a session ends there', () => {
  for (const [what, end, leads] of [
    ['a script', 'javascript:alert(1)', null],
    ['data', 'data:text/html,x', null],
    ['no address', 'end', null],
    [
      'markup in an address',
      'http://127.0.0.1:9/end?a="><script>alert(1)</script>',
      /url=http:\/\/127\.0\.0\.1:9\/end\?a=%22%3E%3Cscript/,
    ],
  ] as const) {
    it(`${what}: ${leads === null ? 'the browser stays here' : 'stays an address'}`, async () => {
      const forger = await startForger('holdfast', SECRET, { end_session_endpoint: end });
      const world = await worldFor(forger, '', '  mira: { slack: U0MIRA, login: mira, roles: [approver] }\n');
      try {
        const { jar } = await signIn(world, forger, {});
        const out = await jar.fetch(`${world.url}/logout`, { method: 'POST', headers: { origin: world.url } });
        const page = await out.text();
        assert.equal(out.status, leads === null ? 303 : 200);
        if (leads !== null) assert.match(page, leads);
        assert.doesNotMatch(page, /<script>alert/);
        assert.equal((await jar.fetch(`${world.url}/`)).status, 303);
      } finally {
        await world.close();
        await forger.close();
      }
    });
  }
});
