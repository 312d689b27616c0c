import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { SoftPasskey } from '../../support/people/authenticator.ts';
import type { Jar } from '../../support/people/browserless.ts';
import { type SigningWorld, signingWorld } from '../../support/people/signing-world.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { eventually } from '../../support/wait.ts';

/** Somebody who may change every row, knows the schema and every old signature, but not HOLDFAST_SECRET. */
describe('Rows of signatures and passkeys that SQL wrote', { skip: skipWithoutBacking('postgres') }, () => {
  let backing: Backing;
  let database: string;
  let world: SigningWorld;
  let mira: Jar;
  let olga: Jar;
  const calls: Promise<unknown>[] = [];
  before(async () => {
    backing = await startBacking('postgres');
  });
  after(async () => {
    await backing.stop();
    await Promise.allSettled(calls);
  });
  const open = async (): Promise<void> => {
    database = await backing.database();
    world = await signingWorld({
      env: { DATABASE_URL: database, HOLDFAST_SECRET: 'c9b7d2f80a4e6153c9b7d2f80a4e6153c9b7d2f80a4e6153' },
    });
    [mira, olga] = [await world.signedIn('mira'), await world.signedIn('olga')];
  };
  afterEach(() => world?.close());
  const asked = async (name: string): Promise<string> => {
    const agent = await world.agent();
    calls.push(agent.callTool({ name: 'create_api_key', arguments: { name, role: 'viewer' } }).catch(() => null));
    return world.asked(new Set());
  };
  const rows = (text: string) => query(database, text);
  const ran = (name: string) => world.prometheus.keys.some((key) => key.name === name);
  const alarm = (words: RegExp) =>
    eventually('the alarm', async () => {
      const { alarms = [], gated } = (await (
        await fetch(`${world.running.url}/readyz`, {
          headers: { authorization: 'Bearer an-admin-token-for-tests-only' },
        })
      ).json()) as { gated: boolean; alarms?: { why: string }[] };
      return !gated && alarms.some(({ why }) => words.test(why)) ? alarms : null;
    });

  it('P1: a vote without a signature, with a valid old one, and a signature put into a vote run nothing', async () => {
    await open();
    const passkey = await world.registered(mira, olga);
    const first = await asked('first');
    assert.equal((await world.signed(mira, first, passkey)).status, 200);
    await eventually('the call ran', async () => (ran('first') ? true : null));
    const second = await asked('second');
    await rows(`insert into holdfast.decisions (approval_id, approver, choice, via, self, person, signature, at, seal)
      select '${second}', approver, choice, via, self, person, signature, now(), seal
      from holdfast.decisions where approval_id = '${first}'`);
    await rows(`update holdfast.approvals set state = 'approved', revision = revision + 1,
      pickup_until = now() + interval '1 hour' where id = '${second}'`);
    await alarm(new RegExp(second));
    assert.equal(ran('second'), false);
    await rows(`update holdfast.decisions set signature = null where approval_id = '${second}'`);
    const { broken } = (await world.approval(second)) as unknown as { broken: string };
    assert.ok(['state', 'decisions'].includes(broken), broken);
    assert.equal(ran('second'), false);
  });

  it('P1: a passkey that SQL registered signs nothing, and the alarm names it', async () => {
    await open();
    const own = new SoftPasskey(world.url);
    const id = await asked('third');
    await rows(`insert into holdfast.person_keys
      (id, owner, name, public_key, algorithm, origin, counter, at, registered_at, registered_by)
      values ('${own.name}', 'U0MIRA', 'forged', '${own.publicKey}', -7, '${world.url}', 0, now(), now(), 'U0OLGA')`);
    const answer = await world.signed(mira, id, own);
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /not what a gateway left/);
    await alarm(/person_keys/);
    assert.equal(ran('third'), false);
    assert.equal((await world.approval(id)).state, 'pending');
  });

  it('P1: one that waits is not registered by SQL', async () => {
    await open();
    const { passkey } = await world.added(mira);
    const id = await asked('fourth');
    await rows(`update holdfast.person_keys set registered_at = now(), registered_by = 'U0OLGA'`);
    const answer = await world.signed(mira, id, passkey);
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /not what a gateway left/);
    // The next change by a gateway does not seal what somebody else wrote.
    assert.notEqual((await world.send(olga, 'POST', `/api/keys/${passkey.name}/register`)).status, 200);
    assert.notEqual((await world.send(mira, 'DELETE', `/api/keys/${passkey.name}`)).status, 200);
    assert.equal(ran('fourth'), false);
  });

  it('P1: a nonce that SQL wrote, or put back, is good for nothing', async () => {
    await open();
    const passkey = await world.registered(mira, olga);
    const id = await asked('fifth');
    const { nonce, publicKey } = await world.challenge(mira, id);
    const kept = await rows(`select * from holdfast.signing_nonces`);
    assert.equal(kept.length, 1);
    assert.ok(!JSON.stringify(kept).includes(nonce), 'only a keyed digest is kept');
    await rows(`update holdfast.signing_nonces set person = 'U0ALEX', login = 'other'`);
    const credential = passkey.use(publicKey.challenge);
    const answer = await world.send(mira, 'POST', `/api/approvals/${id}/signatures`, { nonce, credential });
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /never given out/);
    assert.equal((await world.approval(id)).state, 'pending');
  });
});
