import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ConsoleWorld, consoleWorld } from '../../support/console/browser.ts';
import { Jar } from '../../support/people/browserless.ts';
import { type Forgery, startForger } from '../../support/people/forged-provider.ts';
import { freePort } from '../../support/people/provider.ts';

const SECRET = 'client-secret-for-tests-only-32-octets';
const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout';

type Forger = Awaited<ReturnType<typeof startForger>>;

async function signIn(world: ConsoleWorld, forger: Forger, forgery: Forgery, jar = new Jar()) {
  forger.forge(forgery);
  const { response } = await jar.follow(`${world.url}/oidc/login`);
  const words = (await response.text()).replace(/<[^>]+>/g, ' ');
  return { status: response.status, words, jar, session: jar.get(world.url, 'holdfast_session') };
}

async function worldFor(forger: Forger, oidc: string, people: string): Promise<ConsoleWorld> {
  return consoleWorld({
    env: { HOLDFAST_LISTEN: `127.0.0.1:${await freePort()}`, HOLDFAST_OIDC_CLIENT_SECRET: SECRET },
    config: `people:\n${people}oidc: { issuer: "${forger.issuer}", client_id: holdfast${oidc} }\n`,
  });
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
    const send = (token: string) =>
      fetch(`${world.url}/oidc/logout`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) });
    const isIn = async (jar: Jar) => (await jar.fetch(`${world.url}/`)).status === 200;

    it('ends the sessions of the account, or the one session', async () => {
      const one = (await signIn(world, forger, { claims: (c) => ({ ...c, sid: 's1' }) })).jar;
      const two = (await signIn(world, forger, { claims: (c) => ({ ...c, sid: 's2' }) })).jar;
      assert.equal((await send(await forger.sign(claims({ sid: 's1' }), 'logout+jwt'))).status, 200);
      assert.deepEqual([await isIn(one), await isIn(two)], [false, true]);
      assert.equal((await send(await forger.sign(claims(), 'logout+jwt'))).status, 200);
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
      for (const token of wrong) assert.equal((await send(token)).status, 400);
      assert.equal(await isIn(jar), true);
      const bare = await fetch(`${world.url}/oidc/logout`, {
        method: 'POST',
        headers: { cookie: jar.header(world.url) },
      });
      assert.equal(bare.status, 400, 'another site’s page signs nobody out');
      assert.equal(await isIn(jar), true);
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
      ', match: email',
      '  mira: { login: mira@example.com, roles: [approver] }\n  olga: { login: olga@example.com, subject: olga-1, roles: [operator] }\n',
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
