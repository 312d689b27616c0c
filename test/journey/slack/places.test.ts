import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { preparedUrl, skipWithout, startPostgres, type TestServer } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const run = promisify(execFile);
const POLICY = `version: "1"
default: deny
tools:
  deploy: { action: require_approval, approval: { approvers: [security, dba], quorum: { security: 1, dba: 1 } } }
  create_key: { action: require_approval, approval: { approvers: [security] } }
`;
const APPROVERS = `[U0MIRA, U0BOTH, S0ONCALL]
  dba: [U0DAN, U0BOTH, admin]`;

interface Listed {
  readonly revision: number;
  readonly state: string;
  readonly note: string | null;
  readonly requirement: {
    readonly quorum: number;
    readonly places: readonly { readonly group: string; readonly people: number }[];
    readonly missing: readonly { readonly group: string | null; readonly people: number }[];
    readonly standIns: readonly { readonly for: string; readonly by: string; readonly until: string }[];
  };
  readonly decisions: readonly {
    readonly approver: string;
    readonly rights: readonly { readonly for: string | null }[];
  }[];
}

for (const kind of ['embedded', 'postgres'] as const) {
  describe(`places and stand-ins, over ${kind}`, {
    skip: kind === 'postgres' ? skipWithout('postgres') : false,
  }, () => {
    let postgres: TestServer | null = null;
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let agent: Agent;
    let original = '';
    before(async () => {
      [postgres, upstream] = await Promise.all([kind === 'postgres' ? startPostgres() : null, countingUpstream()]);
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approvers: APPROVERS,
        approval: '{ timeout: 10m, hold: { default: 200ms, progress: 10m } }',
        ...(postgres === null ? {} : { databaseUrl: preparedUrl(postgres) }),
      });
      for (const id of ['U0BOTH', 'U0DAN', 'U0LEA', 'U0RITA']) house.slack.addUser({ id });
      house.slack.addUserGroup({ id: 'S0ONCALL', users: ['U0RITA'] });
      gateway = await house.start();
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      original = configText();
    });
    after(async () => {
      await house?.close();
      await upstream.close();
      await postgres?.stop();
    });

    const configText = () => readFileSync(join(house.folder, 'holdfast.yaml'), 'utf8');
    const loads = () => gateway.log.split('config and policies were read again').length;
    async function become(text: string): Promise<void> {
      if (text === configText()) return;
      const seen = loads();
      writeFileSync(join(house.folder, 'holdfast.yaml'), text);
      process.kill(gateway.pid, 'SIGHUP');
      await eventually('the config is read again', async () => (loads() > seen ? true : null));
    }
    const asked = async (tool: string, name: string) => noteOf(await agent.call(tool, { name }).answer).id;
    const again = async (tool: string, name: string) => textOf(await agent.call(tool, { name }).answer);
    const listed = async (id: string) => (await (await gateway.api(`/api/approvals/${id}`)).json()) as Listed;
    const click = async (id: string, user: string, actionId = 'approve'): Promise<string> => {
      const { ts } = await house.card(id);
      const told = house.slack.ephemerals(user).length;
      const { revision } = await listed(id);
      await house.slack.click({ user, channel: CHANNEL, ts, actionId });
      return eventually('the click is told', async () => {
        if ((await listed(id)).revision > revision) return 'recorded';
        return house.slack.ephemerals(user).length > told ? house.slack.ephemerals(user).at(-1)!.text : null;
      });
    };
    const cardSays = (id: string, words: RegExp) => house.card(id, words);
    const cli = async (...args: string[]): Promise<string> => {
      const env = {
        ...process.env,
        HOLDFAST_CONFIG: join(house.folder, 'holdfast.yaml'),
        HOLDFAST_ADMIN_TOKEN: house.adminToken,
      };
      const done = await run(process.execPath, ['src/cli/cli.ts', ...args, '--url', gateway.url], { env });
      return done.stdout;
    };

    /** A page of the console, by the admin token. */
    const page = async (path: string): Promise<string> => {
      const form = { 'content-type': 'application/x-www-form-urlencoded', origin: gateway.url };
      const body = new URLSearchParams({ token: house.adminToken }).toString();
      const login = await fetch(`${gateway.url}/login`, { method: 'POST', redirect: 'manual', headers: form, body });
      const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0]!;
      return (await fetch(gateway.url + path, { headers: { cookie } })).text();
    };

    test('P1: one of each group; card, API, page, command line and agent say who is missing; one person fills one place', async () => {
      const id = await asked('deploy', 'both');
      const opened = await listed(id);
      assert.equal(opened.requirement.quorum, 2);
      assert.deepEqual(
        opened.requirement.places.map(({ group, people }) => [group, people]),
        [
          ['security', 1],
          ['dba', 1],
        ],
      );
      await cardSays(id, /0 of 2 approvals; 1 of `security`, 1 of `dba` still missing/);
      assert.match(await cli('approvals', 'show', id), /1 of security, 1 of dba still missing/);
      assert.match(await again('deploy', 'both'), /0 of 2 so far; 1 of security, 1 of dba still missing/);
      assert.match(await page(`/approvals/${id}`), /1 of security, 1 of dba still missing/);

      assert.equal(await click(id, 'U0BOTH'), 'recorded');
      assert.deepEqual((await listed(id)).requirement.missing, [{ group: 'dba', people: 1 }]);
      assert.match(await click(id, 'U0BOTH'), /already recorded/);
      assert.equal((await listed(id)).state, 'pending');
      assert.equal(await click(id, 'U0DAN'), 'recorded');
      assert.equal((await listed(id)).state, 'approved', 'the one of both is of security now');
      await again('deploy', 'both');
      assert.equal(upstream.count('deploy', { name: 'both' }), 1);
    });

    test('P1: two of one group do not let it through, nor does a token that may be anybody’s beside one of them', async () => {
      const id = await asked('deploy', 'same group');
      assert.equal(await click(id, 'U0MIRA'), 'recorded');
      assert.equal(await click(id, 'U0RITA'), 'recorded');
      const word = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"decision":"approve"}' };
      assert.equal((await gateway.api(`/api/approvals/${id}/decisions`, word)).status, 200);
      await again('deploy', 'same group');
      assert.equal((await listed(id)).state, 'pending');
      assert.equal(upstream.count('deploy', { name: 'same group' }), 0);
      assert.equal(
        await click(id, 'U0LEA'),
        'You are not among the approvers of this call. The card names those who are.',
      );
    });

    test('P1: who stands in decides until then and no later; the card and the record say so', async () => {
      const until = new Date(Date.now() + 60 * 60_000).toISOString();
      await become(`${original}\nstand_ins: [{ group: security, for: U0MIRA, by: U0LEA, until: ${until} }]\n`);
      const id = await asked('deploy', 'stood in');
      await cardSays(id, /<@U0LEA> stands in for <@U0MIRA> in `security` until/);
      assert.match(await cli('approvals', 'show', id), /U0LEA stands in for U0MIRA in security until/);
      assert.equal(await click(id, 'U0LEA'), 'recorded');
      assert.deepEqual(
        (await listed(id)).decisions.map(({ approver, rights }) => [approver, rights[0]!.for]),
        [['U0LEA', 'U0MIRA']],
      );
      await cardSays(id, /<@U0LEA> in the place of <@U0MIRA>; 1 of `dba` still missing/);
      assert.equal(await click(id, 'U0DAN'), 'recorded');
      await again('deploy', 'stood in');
      assert.equal(upstream.count('deploy', { name: 'stood in' }), 1);
      const events = await gateway.events();
      const decided = events.find(
        ({ type, approval, actor }) => type === 'approval.decided' && approval === id && actor === 'slack:U0LEA',
      );
      assert.deepEqual(decided!.data.rights, [{ group: 'security', userGroup: null, for: 'U0MIRA', until }]);
    });

    test('P1: a vote in somebody’s place is over with it: between click and dispatch, and before the click', async () => {
      const end = new Date(Date.now() + 6_000);
      await become(
        `${original}\nstand_ins: [{ group: security, for: U0MIRA, by: U0LEA, until: ${end.toISOString()} }]\n`,
      );
      const [id, later] = [await asked('create_key', 'too late'), await asked('create_key', 'later still')];
      assert.equal(await click(id, 'U0LEA'), 'recorded');
      assert.equal((await listed(id)).state, 'approved');
      await eventually('the time is over', async () => (new Date() > end ? true : null));
      assert.match(await click(later, 'U0LEA'), /not among the approvers/);
      await again('create_key', 'too late');
      const after = await listed(id);
      assert.deepEqual([after.state, after.note], ['lapsed', 'U0LEA no longer stands in for U0MIRA']);
      assert.equal(upstream.count('create_key', { name: 'too late' }), 0);
    });

    test('P1: a file with a stand-in for himself, or places that nobody can fill, does not replace the one in force', async () => {
      await become(original);
      const bad = `${original}\nstand_ins: [{ group: security, for: U0MIRA, by: U0MIRA, until: 2099-01-01 }]\n`;
      writeFileSync(join(house.folder, 'holdfast.yaml'), bad);
      process.kill(gateway.pid, 'SIGHUP');
      await eventually('it is refused', async () => (/would stand in for themselves/.test(gateway.log) ? true : null));
      const id = await asked('deploy', 'as before');
      assert.deepEqual((await listed(id)).requirement.standIns, []);
      writeFileSync(join(house.folder, 'holdfast.yaml'), original);
    });
  });
}
