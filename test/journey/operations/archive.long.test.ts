import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Agent } from '../../support/agent/agent.ts';
import { ACCOUNT, BUCKET, type S3Store, startS3Store } from '../../support/archive/s3-store.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
`;
const ROOT = new URL('../../..', import.meta.url).pathname;

for (const place of ['folder', 'bucket'] as const) {
  describe(`the log of a running gateway is archived in a ${place}`, () => {
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let agent: Agent;
    let decided: string;
    let store: S3Store;

    before(async () => {
      upstream = await countingUpstream();
      store = await startS3Store();
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: '{ timeout: 8s, pickup: 8s }',
        audit: `{ retain: 1h, archive: ${archives()}, erasable: true }`,
        env: { NODE_ENV: 'test', HOLDFAST_RETAIN_MS: '60000', ...(place === 'bucket' && ACCOUNT) },
        slack: false,
      });
      gateway = await house.start();
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    });
    after(async () => {
      await house?.close();
      await upstream.close();
      await store.close();
    });

    const archives = (): string =>
      place === 'folder' ? 'segments' : `{ s3: s3://${BUCKET}/logs, endpoint: "${store.url}" }`;
    /** As the command line names them. */
    const segments = (): string =>
      place === 'folder' ? join(house.folder, 'segments') : `s3://${BUCKET}/logs?endpoint=${store.url}`;
    const heads = (): string[] => {
      const [folder, end] = place === 'folder' ? [segments(), ''] : [store.path('logs'), '._S3rver_object'];
      return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(`.head.json${end}`)) : [];
    };

    /** The command, on the data directory of a gateway that is not running. */
    async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
      const env = {
        ...{ PATH: process.env.PATH ?? '', HOLDFAST_DATA: join(house.folder, 'data') },
        ...(place === 'bucket' && ACCOUNT),
      };
      return new Promise((resolve) => {
        const options = { cwd: ROOT, env, maxBuffer: 64 * 1024 * 1024 };
        execFile(process.execPath, ['src/cli/cli.ts', 'audit', ...args], options, (error, out, err) => {
          resolve({ code: error === null ? 0 : Number((error as { code?: number }).code ?? 1), out, err });
        });
      });
    }

    test('P7: what is old leaves the database, also where the process dies meanwhile, and is told', async () => {
      const held = agent.call('create_key', { name: 'ci' });
      ({ id: decided } = await gateway.pending('create_key'));
      const said = await gateway.api(`/api/approvals/${decided}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"decision":"approve"}',
      });
      assert.equal(said.status, 200);
      await held.answer;
      for (let n = 0; n < 20; n += 1) await agent.call('read', { n }).answer;
      await eventually('a head', () => heads().length > 0 || null, 150_000);
      await gateway.kill();
      gateway = await house.start();
      const page = await eventually(
        'the approval to be archived',
        async () => {
          const answer = await gateway.api(`/api/approvals/${decided}/evidence`);
          return answer.status === 404 ? ((await answer.json()) as { error: string; reason: string }) : null;
        },
        150_000,
      );
      assert.equal(page.error, 'archived');
      assert.match(page.reason, /audit evidence ap_\w+ --segments DIR/);
      const listed = (await (await gateway.api('/api/events?after=0')).json()) as { archived?: { upTo: number } };
      assert.ok(listed.archived!.upTo > 20);
      assert.doesNotMatch(gateway.log, /went back|"level":50/);
      const metrics = await eventually(
        'the gauges of archiving',
        async () => {
          const text = await (await gateway.api('/metrics')).text();
          return /holdfast_archive_segments [1-9]/.test(text) ? text : null;
        },
        90_000,
      );
      assert.match(metrics, /holdfast_archive_up 1\n/);
      assert.match(metrics, /holdfast_archive_last_success_timestamp_seconds 1\.?\d+/);
      assert.match(metrics, /holdfast_archive_waiting_events \d/);
      if (place === 'bucket') {
        const listed = store.requests.filter((request) => !/^(GET|PUT) \/[\w-]+\/logs\/./.test(request));
        assert.deepEqual(listed, [], 'the gateway neither lists nor deletes');
      }
    });

    test('P7: an export of the running gateway, and the database of one that stopped, fit with the segments', async () => {
      const exported = join(house.folder, 'audit.jsonl');
      writeFileSync(exported, await (await gateway.api('/api/events/export?cards=1')).text());
      const both = await cli('verify', '--segments', segments(), '--export', exported);
      assert.equal(both.code, 0, both.out);
      assert.match(both.out, /^FITS: events 1 to /);
      assert.equal(await gateway.stop(), 0);
      const alone = await cli('verify');
      assert.equal(alone.code, 0, alone.out);
      assert.match(
        alone.out,
        /events 1 to \d+ were cut by the gateway, as event \d+ says; they are in segments up to \d+/,
      );
      const whole = await cli('verify', '--segments', segments());
      assert.equal(whole.code, 0, whole.out);
      assert.match(
        whole.out,
        /^FITS: events 1 to \d+ .*\n.*\n\d+ segments were read\n\d+ events? that stayed or were not cut yet are the same there/,
      );
    });

    test('P7: evidence of an archived decision verifies offline', async () => {
      const taken = await cli('evidence', decided, '--segments', segments());
      assert.equal(taken.code, 0, taken.err);
      const file = join(house.folder, 'evidence.json');
      writeFileSync(file, taken.out);
      const judged = await cli('verify', '--evidence', file);
      assert.equal(judged.code, 0, judged.out);
      assert.match(judged.out, /"name":"ci"/, 'what can be erased of it is read with its key');

      if (place === 'bucket') return;
      // A segment in which somebody changed one text, with its hash as it was.
      const spoiled = join(house.folder, 'spoiled');
      cpSync(segments(), spoiled, { recursive: true });
      let changed = 0;
      for (const name of readdirSync(spoiled).filter((each) => each.endsWith('.gz'))) {
        const text = gunzipSync(readFileSync(join(spoiled, name))).toString();
        const other = text.replace('approval.decided', 'approval.decideD');
        if (other === text) continue;
        changed += 1;
        writeFileSync(join(spoiled, name), gzipSync(other));
      }
      assert.equal(changed, 1);
      const refused = await cli('evidence', decided, '--segments', spoiled);
      assert.notEqual(refused.code, 0);
      assert.match(refused.err, /does not fit, so no evidence is taken/);
    });
  });
}
