import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Agent, noteOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { Jar, signInAs } from '../../support/people/browserless.ts';
import { CLIENT_SECRET, startProvider, type TestProvider } from '../../support/people/provider.ts';
import { freePort } from '../../support/port.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = `version: "1"
default: deny
tools:
  deploy: { action: require_approval, approval: { approvers: [security] } }
`;
const PEOPLE = `
people:
  rita: { slack: U0RITA, login: rita, roles: [approver] }
  eve: { slack: U0EVE, login: eve, roles: [approver] }
  ada: { login: ada, roles: [auditor] }
stand_ins: [{ group: deputies, for: eve, by: rita, until: 2099-01-01 }]
`;

describe('Who is on call in Slack and signs in to the console', () => {
  let upstream: CountingUpstream;
  let provider: TestProvider;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  before(async () => {
    upstream = await countingUpstream();
    const listen = `127.0.0.1:${await freePort()}`;
    provider = await startProvider(`http://${listen}`);
    for (const login of ['rita', 'eve', 'ada']) provider.accounts.set(login, { name: login });
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[S0ONCALL]\n  deputies: [U0EVE]',
      approval: '{ timeout: 10m, hold: { default: 200ms, progress: 10m } }',
      env: { HOLDFAST_LISTEN: listen, HOLDFAST_OIDC_CLIENT_SECRET: CLIENT_SECRET },
    });
    for (const id of ['U0RITA', 'U0EVE']) house.slack.addUser({ id });
    house.slack.addUserGroup({ id: 'S0ONCALL', users: ['U0RITA'] });
    const oidc = `oidc: { issuer: "${provider.issuer}", client_id: holdfast, scopes: [profile] }\n`;
    appendFileSync(join(house.folder, 'holdfast.yaml'), PEOPLE + oidc);
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house?.close();
    await provider?.close();
    await upstream?.close();
  });

  const signedIn = async (login: string): Promise<Jar> => {
    const jar = new Jar();
    assert.equal((await signInAs(jar, gateway.url, login)).status, 200, login);
    return jar;
  };
  const decide = async (jar: Jar, id: string) => {
    const answer = await jar.fetch(`${gateway.url}/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { origin: gateway.url, 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    return { status: answer.status, body: (await answer.json()) as { error?: string; state?: string } };
  };
  const asked = async (name: string) => noteOf(await agent.call('deploy', { name }).answer).id;

  it('P1: a member of the user group approves there, and the call runs; whoever is in none does not', async () => {
    const id = await asked('by the console');
    const eve = await signedIn('eve');
    assert.equal((await decide(eve, id)).body.error, 'not_an_approver');
    const rita = await signedIn('rita');
    assert.match(await (await rita.fetch(`${gateway.url}/approvals/${id}`)).text(), /data-decide=/);
    assert.equal((await decide(rita, id)).body.state, 'approved');
    await agent.call('deploy', { name: 'by the console' }).answer;
    assert.equal(upstream.count('deploy', { name: 'by the console' }), 1);
    const decided = (await gateway.events(id)).find(({ type }) => type === 'approval.decided');
    assert.deepEqual(
      [decided?.actor, decided?.data.userGroup, decided?.data.via],
      ['slack:U0RITA', 'S0ONCALL', 'console'],
    );
  });

  it('P1: the same by a personal token', async () => {
    const rita = await signedIn('rita');
    const made = await rita.fetch(`${gateway.url}/api/tokens`, {
      method: 'POST',
      headers: { origin: gateway.url, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'laptop', role: 'approver', days: 1 }),
    });
    const { token } = (await made.json()) as { token: string };
    const id = await asked('by a token');
    const answer = await fetch(`${gateway.url}/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    assert.equal(((await answer.json()) as { state: string }).state, 'approved');
  });

  it('the page of people says who stands in for whom, where, and until when', async () => {
    const ada = await signedIn('ada');
    const page = await (await ada.fetch(`${gateway.url}/people`)).text();
    assert.match(
      page.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' '),
      /deputies in the place of eve until 2099-01-01 00:00:00 UTC/,
    );
    const { items } = (await (await ada.fetch(`${gateway.url}/api/people`)).json()) as {
      items: { name: string; standsIn: unknown }[];
    };
    assert.deepEqual(items.find(({ name }) => name === 'rita')!.standsIn, [
      { group: 'deputies', for: 'eve', until: '2099-01-01T00:00:00.000Z' },
    ]);
  });
});
