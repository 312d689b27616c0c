import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SoftPasskey } from '../../support/people/authenticator.ts';
import type { Jar } from '../../support/people/browserless.ts';
import { type SigningWorld, signingWorld } from '../../support/people/signing-world.ts';
import { eventually } from '../../support/wait.ts';

const PEOPLE = `  others: [alex, olga]
people:
  mira: { slack: U0MIRA, login: mira, roles: [approver] }
  alex: { slack: U0ALEX, login: alex, roles: [approver, operator] }
  olga: { slack: U0OLGA, login: olga, roles: [approver, operator] }
`;
const POLICY = `version: "1"
default: deny
tools:
  query: { risk: read }
  create_api_key:
    risk: write
    severity: critical
    action: require_approval
    approval: { approvers: [security, others], quorum: 2 }
`;

describe('A passkey that is revoked between the signed votes on one call', () => {
  let world: SigningWorld;
  let people: { readonly mira: Jar; readonly alex: Jar; readonly olga: Jar };
  let keys: { readonly alex: SoftPasskey; readonly olga: SoftPasskey };
  const known = new Set<string>();
  const calls: Promise<unknown>[] = [];

  before(async () => {
    world = await signingWorld({ people: PEOPLE, wholePolicy: POLICY });
    const [mira, alex, olga] = [
      await world.signedIn('mira'),
      await world.signedIn('alex'),
      await world.signedIn('olga'),
    ];
    people = { mira, alex, olga };
    keys = { alex: await world.registered(alex, olga), olga: await world.registered(olga, alex) };
  });
  after(async () => {
    await world?.close();
    await Promise.allSettled(calls);
  });

  /** A call that waits, which Mira has signed with a passkey that she revoked afterwards. */
  const voided = async (name: string): Promise<string> => {
    const agent = await world.agent();
    calls.push(agent.callTool({ name: 'create_api_key', arguments: { name, role: 'viewer' } }).catch(() => null));
    const id = await world.asked(known);
    known.add(id);
    const key = await world.registered(people.mira, people.olga);
    assert.equal(await signs('mira', id, key), 'pending');
    assert.equal((await world.send(people.mira, 'DELETE', `/api/keys/${key.name}`)).status, 200);
    return id;
  };
  const signs = async (who: keyof typeof people, id: string, key: SoftPasskey): Promise<string> => {
    const answer = await world.signed(people[who], id, key);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return (JSON.parse(text) as { state: string }).state;
  };
  const ran = (name: string) =>
    eventually('the call ran', async () => world.prometheus.keys.some((key) => key.name === name) || null);

  it('P6: others go on to sign, at once; it runs when as many have signed with keys that are registered', async () => {
    const id = await voided('first');
    assert.equal(await signs('alex', id, keys.alex), 'pending', 'hers no longer counts');
    assert.equal(await signs('olga', id, keys.olga), 'approved');
    await ran('first');
  });

  it('P1: she signs anew with another passkey, once, and that counts', async () => {
    const id = await voided('second');
    const fresh = await world.registered(people.mira, people.olga);
    const page = await (await world.send(people.mira, 'GET', `/approvals/${id}`)).text();
    assert.doesNotMatch(page, /You have approved this/);
    assert.match(page, /Approve with passkey/);
    assert.equal(await signs('mira', id, fresh), 'pending');
    const again = await world.send(people.mira, 'POST', `/api/approvals/${id}/challenge`);
    assert.match(await again.text(), /already_voted/);
    assert.equal((await world.approval(id)).decisions.length, 1);
    assert.equal(await signs('alex', id, keys.alex), 'approved');
    await ran('second');
  });
});
