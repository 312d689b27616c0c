import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { Agent } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  write: { action: require_approval, risk: write, severity: high }
`;

describe('the command line against a running gateway', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;

  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      grants: ['second'],
      approval: '{ timeout: 10m, hold: { default: 300ms, progress: 60s } }',
    });
    gateway = await house.start();
  });
  after(async () => {
    await house?.close();
    await upstream.close();
  });

  async function run(...argv: string[]) {
    const { terminal, out, err } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken } });
    const code = await runCommandLine([...argv, '--url', gateway.url], terminal);
    return { code, out: out(), err: err() };
  }

  test('--json gives what the API gives', async () => {
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    await agent.call('write', { n: 1 }).answer;
    const listed = await run('approvals', 'list', '--json');
    const { items, next } = JSON.parse(listed.out);
    assert.deepEqual({ items, next }, await (await gateway.api('/api/approvals?state=pending')).json());
    const [{ id }] = items;
    assert.deepEqual(
      JSON.parse((await run('approvals', 'show', id, '--json')).out),
      await (await gateway.api(`/api/approvals/${id}`)).json(),
    );
    // An event gets its place in the chain a moment later.
    const told = await eventually('it is chained', async () => {
      const page = await (await gateway.api('/api/events?type=approval.requested')).json();
      return (page as { items: { seq: number | null }[] }).items.every(({ seq }) => seq !== null) ? page : null;
    });
    const events = JSON.parse((await run('audit', 'list', '--type', 'approval.requested', '--json')).out);
    assert.deepEqual(events, told);
  });

  test('an earlier approval of the very same call is named', async () => {
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    await agent.call('write', { n: 2 }).answer;
    const first = await gateway.pending('write', { n: 2 });
    assert.match((await run('approvals', 'show', first.id)).out, /same call +not asked for before/);
    assert.equal((await run('approvals', 'deny', first.id, '--reason', 'not now')).code, 0);
    await agent.call('write', { n: 2 }).answer;
    await agent.call('write', { n: 2 }).answer;
    const second = await gateway.pending('write', { n: 2 });
    const { out } = await run('approvals', 'show', second.id);
    assert.match(out, new RegExp(`same call +${first.id}: denied `));
  });

  test('P8: grants are listed without their tokens; an operator revokes one, once, with a reason', async () => {
    const { items } = JSON.parse((await run('grant', 'list', '--json')).out);
    assert.deepEqual(
      items.map(({ name, owner, servers, revoked }: Record<string, unknown>) => [name, owner, servers, revoked]),
      [
        ['agent', 'U0SAM', ['tools'], null],
        ['second', 'U0SAM', ['tools'], null],
      ],
    );
    assert.doesNotMatch(JSON.stringify(items), /[0-9a-f]{64}/);
    assert.equal((await run('grant', 'revoke', 'second')).code, 2, 'without a reason');
    assert.equal((await run('grant', 'revoke', 'nobody', '--reason', 'x')).code, 1);
    const revoked = await run('grant', 'revoke', 'second', '--reason', 'leaked');
    assert.equal(revoked.code, 0, revoked.err);
    assert.match((await run('grant', 'revoke', 'second', '--reason', 'again')).err, /revoked already/);
    assert.match((await run('grant', 'list')).out, /\nsecond .* revoked by admin at .*: leaked\n/);
    await assert.rejects(async () => {
      for (let tried = 0; tried < 50; tried++) {
        await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.second!);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
    const events = JSON.parse((await run('audit', 'list', '--type', 'grant.revoked', '--json')).out);
    assert.deepEqual([events.items[0].actor, events.items[0].data.reason], ['admin', 'leaked']);
  });

  test('what the API does not understand is misuse, and exits with 2', async () => {
    assert.equal((await run('audit', 'list', '--type', 'no.such')).code, 2);
  });

  test('a pipe that closes early ends it, quietly', () => {
    const env = { PATH: process.env.PATH, HOLDFAST_ADMIN_TOKEN: house.adminToken, HOLDFAST_PUBLIC_URL: gateway.url };
    for (const words of ['audit export', 'audit list --limit 500', 'approvals list --state all', '--help']) {
      const script = `"${process.execPath}" src/cli/cli.ts ${words} | head -c 1; exit \${PIPESTATUS[0]}`;
      const { status, stderr } = spawnSync('bash', ['--norc', '-c', script], {
        env,
        encoding: 'utf8',
        timeout: 60_000,
      });
      assert.deepEqual([status, stderr], [0, ''], words);
    }
  });

  test('bash completes commands, options and the values that there are', () => {
    const script = `source <("${process.execPath}" src/cli/cli.ts completion bash)
t() { COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _holdfast; echo "\${COMPREPLY[*]}"; }
t holdfast app; t holdfast approvals tak; t holdfast approvals list --sta; t holdfast approvals list --state pe
t holdfast approvals list --url x --li; t holdfast doctor sl; t holdfast completion f; t holdfast policy check READ`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(stderr, '');
    assert.deepEqual(stdout.trim().split('\n'), [
      ...['approvals', 'take-back', '--state', 'pending', '--limit', 'slack', 'fish', 'README.md'],
    ]);
  });
});
