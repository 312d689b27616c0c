import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { SoftPasskey, Tampering } from '../../support/people/authenticator.ts';
import type { Jar } from '../../support/people/browserless.ts';
import { type SigningWorld, signingWorld } from '../../support/people/signing-world.ts';
import { eventually } from '../../support/wait.ts';

describe('P1: attacks on a call that has to be signed', () => {
  let world: SigningWorld;
  let mira: Jar;
  let alex: Jar;
  let olga: Jar;
  let key: SoftPasskey;
  let alexes: SoftPasskey;
  const known = new Set<string>();
  const calls: Promise<unknown>[] = [];
  let names = 0;

  /** A call that waits, by its approval's id. */
  const asked = async (): Promise<string> => {
    const agent = await world.agent();
    names += 1;
    calls.push(
      agent.callTool({ name: 'create_api_key', arguments: { name: `k${names}`, role: 'viewer' } }).catch(() => null),
    );
    const id = await world.asked(known);
    known.add(id);
    return id;
  };
  const deny = (id: string) => world.send(mira, 'POST', `/api/approvals/${id}/decisions`, { decision: 'deny' });
  const sent = (jar: Jar, id: string, nonce: string, credential: object) =>
    world.send(jar, 'POST', `/api/approvals/${id}/signatures`, { nonce, credential });
  /** Nothing came of it: refused, undecided, and nothing ran. */
  const refused = async (answer: Response, id: string, why: RegExp): Promise<void> => {
    const text = await answer.text();
    assert.equal(answer.status, 403, text);
    assert.match(text, why);
    const { state, decisions, ...approval } = await world.approval(id);
    assert.deepEqual([state, decisions.length], ['pending', 0]);
    assert.equal(
      world.prometheus.keys.some(({ name }) => name === approval.arguments.name),
      false,
    );
  };

  before(async () => {
    world = await signingWorld();
    [mira, alex, olga] = [await world.signedIn('mira'), await world.signedIn('alex'), await world.signedIn('olga')];
    key = await world.registered(mira, olga);
    alexes = await world.registered(alex, olga);
  });
  after(async () => {
    await world.close();
    await Promise.allSettled(calls);
  });

  it('an assertion that is tampered with in any part counts for nothing', async () => {
    const id = await asked();
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const ed = generateKeyPairSync('ed25519').privateKey;
    const table: readonly (readonly [Tampering, RegExp])[] = [
      [{ flags: 0x01 }, /not verified/],
      [{ flags: 0x04 }, /nobody was present/],
      [{ origin: 'https://evil.example.com' }, /another origin/],
      [{ origin: `${world.url}.evil.example.com` }, /another origin/],
      [{ rp: 'evil.example.com' }, /another host/],
      [{ client: { crossOrigin: true } }, /within another/],
      [{ client: { topOrigin: 'https://evil.example.com' } }, /within another/],
      [{ type: 'webauthn.create' }, /\(type\)/],
      [{ challenge: Buffer.alloc(32).toString('base64url') }, /something else/],
      [{ key: rsa }, /not that of the key/],
      [{ key: ed }, /not that of the key/],
      [{ how: 'sha512' }, /not that of the key/],
      [{ how: 'none' }, /not that of the key/],
    ];
    for (const [wrong, why] of table) await refused(await world.signed(mira, id, key, wrong), id, why);
    const { nonce, publicKey } = await world.challenge(mira, id);
    const credential = key.use(publicKey.challenge);
    for (const part of ['authenticatorData', 'clientDataJSON', 'signature']) {
      const response = { ...credential.response, [part]: '' };
      const answer = await sent(mira, id, nonce, { ...credential, response });
      assert.equal(answer.status, 400, part);
    }
    await deny(id);
  });

  it('an assertion is for one approval, one person, one session, and once', async () => {
    const [one, other] = [await asked(), await asked()];
    const first = await world.challenge(mira, one);
    const forOne = key.use(first.publicKey.challenge);
    // For another approval, by its own nonce and by that one's.
    await refused(await sent(mira, other, first.nonce, forOne), other, /for something else/);
    const second = await world.challenge(mira, other);
    await refused(await sent(mira, other, second.nonce, forOne), other, /something else \(challenge\)/);
    // The nonce of another person, and of another session of the same person.
    const hers = await world.challenge(mira, one);
    await refused(await sent(alex, one, hers.nonce, alexes.use(hers.publicKey.challenge)), one, /another person/);
    const elsewhere = await world.signedIn('mira');
    const there = await world.challenge(elsewhere, one);
    await refused(await sent(mira, one, there.nonce, key.use(there.publicKey.challenge)), one, /another session/);
    // Another person's key, and a nonce that was never given out.
    const his = await world.challenge(mira, one);
    await refused(await sent(mira, one, his.nonce, alexes.use(his.publicKey.challenge)), one, /belongs to U0ALEX/);
    const own = Buffer.alloc(32, 7).toString('base64url');
    await refused(await sent(mira, one, own, key.use(first.publicKey.challenge)), one, /never given out/);
    // What was given out for a new passkey signs no call.
    const { nonce } = (await (await world.send(mira, 'POST', '/api/keys/challenge')).json()) as { nonce: string };
    await refused(await sent(mira, one, nonce, key.use(first.publicKey.challenge)), one, /for something else/);
    // Used, it is good no more, although it was right.
    const { publicKey, nonce: good } = await world.challenge(mira, one);
    const right = key.use(publicKey.challenge);
    assert.equal((await sent(mira, one, good, right)).status, 200);
    const again = await sent(mira, one, good, right);
    assert.equal(again.status, 403);
    assert.match(await again.text(), /used before/);
    await deny(other);
  });

  it('no other yes counts: not a click, the decision route, a token, the admin token, or a signature beside it', async () => {
    const id = await asked();
    const { nonce, publicKey } = await world.challenge(mira, id);
    const credential = key.use(publicKey.challenge);
    const yes = { decision: 'approve' };
    for (const body of [yes, { ...yes, nonce, credential }, { ...yes, signature: credential.response }]) {
      await refused(await world.send(mira, 'POST', `/api/approvals/${id}/decisions`, body), id, /signature_required/);
      await refused(
        await world.admin('POST', `/api/approvals/${id}/decisions`, body),
        id,
        /signature_required|admin_token/,
      );
    }
    const made = await world.send(mira, 'POST', '/api/tokens', { name: 'script', role: 'approver' });
    const { token } = (await made.json()) as { token: string };
    for (const path of ['challenge', 'signatures', 'decisions']) {
      const answer = await fetch(`${world.running.url}/api/approvals/${id}/${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ ...yes, nonce, credential }),
      });
      await refused(answer, id, /not_here|signature_required/);
    }
    await refused(await world.admin('POST', `/api/approvals/${id}/signatures`, { nonce, credential }), id, /not_here/);
    // From a page of another origin, the cookie counts for nothing.
    const foreign = await mira.fetch(`${world.url}/api/approvals/${id}/signatures`, {
      method: 'POST',
      headers: { origin: 'https://evil.example.com', 'content-type': 'application/json' },
      body: JSON.stringify({ nonce, credential }),
    });
    await refused(foreign, id, /forbidden/);
    assert.equal((await deny(id)).status, 200);
  });

  it('a key registers by a second person only: not by its owner, an approver, a personal token or another’s nonce', async () => {
    const { passkey, answer } = await world.added(alex);
    assert.equal(answer.status, 201);
    const path = `/api/keys/${passkey.name}/register`;
    // Alex is an operator as well.
    const alone = await world.send(alex, 'POST', path);
    assert.equal(alone.status, 403);
    assert.match(await alone.text(), /second person/);
    assert.equal((await world.send(mira, 'POST', path)).status, 403);
    const made = await world.send(olga, 'POST', '/api/tokens', { name: 'script', role: 'operator' });
    const { token } = (await made.json()) as { token: string };
    const byToken = await fetch(`${world.running.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    });
    assert.equal(byToken.status, 403);
    const id = await asked();
    const unregistered = await world.signed(alex, id, passkey);
    await refused(unregistered, id, /not registered/);
    // The admin token does, and it is marked.
    assert.equal((await world.admin('POST', path)).status, 200);
    const { items } = (await (await world.admin('GET', '/api/keys')).json()) as {
      items: { id: string; registered: object | null }[];
    };
    const { registered } = items.find((one) => one.id === passkey.name)!;
    assert.deepEqual({ ...registered, at: null }, { at: null, by: 'admin', breakGlass: true });
    await deny(id);
  });

  it('a new passkey is refused that was made without the person, elsewhere, or for another challenge', async () => {
    for (const wrong of [
      { flags: 0x01 },
      { origin: 'https://evil.example.com' },
      { rp: 'evil.example.com' },
      { type: 'webauthn.get' },
      { challenge: Buffer.alloc(32).toString('base64url') },
    ]) {
      const { answer } = await world.added(mira, wrong);
      assert.equal(answer.status, 403, JSON.stringify(wrong));
    }
  });

  it('a counter that goes back suspends the key, which signs nothing more', async () => {
    const id = await asked();
    const copied = await world.registered(mira, olga);
    copied.counter = 9;
    const other = await asked();
    assert.equal((await world.signed(mira, other, copied)).status, 200);
    const back = await world.signed(mira, id, copied, { counter: 4 });
    await refused(back, id, /counter of the passkey went back \(4 after 10\)/);
    await refused(await world.signed(mira, id, copied, { counter: 99 }), id, /not registered, or no longer/);
    const { items } = (await (await world.admin('GET', '/api/events?limit=500')).json()) as {
      items: { type: string }[];
    };
    assert.ok(items.some(({ type }) => type === 'key.suspended'));
    await deny(id);
  });

  it('a key that is revoked signs nothing more, and takes a yes with it that nobody has used', async () => {
    const lost = await world.registered(mira, olga);
    const [id, other] = [await asked(), await asked()];
    const frozen = await world.send(olga, 'POST', '/api/freeze', { scope: { server: 'prometheus' }, reason: 'a look' });
    const { id: freeze } = (await frozen.json()) as { id: string };
    assert.equal((await world.signed(mira, id, lost)).status, 200);
    assert.equal((await world.approval(id)).state, 'approved');
    const { publicKey, nonce } = await world.challenge(mira, other);
    assert.equal((await world.send(mira, 'DELETE', `/api/keys/${lost.name}`, { reason: 'lost' })).status, 200);
    await refused(await sent(mira, other, nonce, lost.use(publicKey.challenge)), other, /no longer/);
    assert.equal((await world.send(olga, 'DELETE', `/api/freeze/${freeze}`, { reason: 'seen' })).status, 200);
    const after = await eventually('the approval lapses', async () => {
      const { state, note } = await world.approval(id);
      return state === 'approved' ? null : { state, note };
    });
    assert.equal(after.state, 'lapsed');
    assert.match(after.note ?? '', /passkey of U0MIRA is not registered, or no longer/);
    await deny(other);
  });
});
