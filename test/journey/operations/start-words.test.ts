import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { copyPrepared } from '../../support/store/prepared.ts';
import { eventually } from '../../support/wait.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const ADMIN = '5fK2pQ8xVb7Lm3sRzT9wYd4nHc6J';
const POLICY = 'version: "1"\ndefault: deny\ntools:\n  drop: { action: require_approval }\n';

describe('what start says', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
    writeFileSync(join(folder, 'p.yaml'), POLICY);
    config('[U0MIRA]');
    copyPrepared(join(folder, 'data'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function config(approvers: string): void {
    writeFileSync(
      join(folder, 'holdfast.yaml'),
      `version: "1"
servers: { s: { url: "http://127.0.0.1:9/mcp", policy: p.yaml } }
grants: [{ name: bot, token_sha256: "${'ab'.repeat(32)}", servers: [s], owner: none }]
approvers: { security: ${approvers} }
`,
    );
  }

  /** Starts it, in a terminal or with pipes, and stops it once it listens. */
  async function start(more: { terminal?: boolean; args?: string[]; env?: Record<string, string> }) {
    const { terminal = false, args = [], env = {} } = more;
    const words = [
      'src/cli/cli.ts',
      'start',
      '--config',
      join(folder, 'holdfast.yaml'),
      '--data',
      join(folder, 'data'),
    ];
    const command = [process.execPath, ...words, '--listen', '127.0.0.1:0', ...args];
    const pid = join(folder, 'pid');
    // A process that ends takes its terminal along: it is stopped by its own id.
    const shell = `echo $$ > '${pid}'; exec ${command.map((word) => `'${word}'`).join(' ')}`;
    const whole = terminal ? ['script', '-qfec', shell, '/dev/null'] : command;
    const child = spawn(whole[0]!, whole.slice(1), {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: folder, TERM: 'xterm', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await eventually(
      'it listens or ends',
      async () => (/is listening on/.test(out) || child.exitCode !== null ? true : null),
      60_000,
    );
    // The first checkpoint comes at once, and is written after the banner.
    if (child.exitCode === null) {
      await eventually(
        'its log is signed',
        async () => (existsSync(join(folder, 'data', 'checkpoints.jsonl')) ? true : null),
        30_000,
      );
      process.kill(terminal ? Number(readFileSync(pid, 'utf8')) : child.pid!, 'SIGTERM');
    }
    return { code: await ended, out, err };
  }

  test('it refuses to start where nobody can approve what is asked, with the remedy', async () => {
    const refused = await start({});
    assert.equal(refused.code, 1);
    assert.match(
      refused.err,
      /^Not started: nobody can approve .*\n {2}Set HOLDFAST_ADMIN_TOKEN and list admin .*\n.*--allow-undecidable\n$/,
    );
    const allowed = await start({ args: ['--allow-undecidable'] });
    assert.equal(allowed.code, 0, allowed.err);
    assert.match(allowed.err, /WARNING: nobody can approve the calls that need approval/);
    assert.equal(JSON.parse(allowed.out.split('\n')[0]!).approvals, 'nobody can approve the calls that need approval');
  });

  test('with the remedy taken, it starts', async () => {
    config('[U0MIRA, admin]');
    assert.equal((await start({})).code, 1, 'there is no token');
    const { code, out, err } = await start({ env: { HOLDFAST_ADMIN_TOKEN: ADMIN } });
    assert.equal(code, 0, err);
    const [banner, ...others] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.match(String(banner!.msg), /^holdfast is listening on http:\/\/127\.0\.0\.1:\d+ \(/);
    assert.match(String(banner!.approvals), /approved in the console, on the command line or over the API/);
    assert.ok(others.some(({ msg }) => /^stopping: waiting agents are asked to repeat their calls/.test(String(msg))));
    for (const line of err
      .trim()
      .split('\n')
      .filter((text) => text !== ''))
      JSON.parse(line);
    assert.doesNotMatch(`${out}${err}`, /sign-in/, 'a link is for the eyes of a person');
    const checkpoints = `${out}${err}`.match(/"signature":"[0-9a-f]+"/g) ?? [];
    assert.equal(new Set(checkpoints).size, checkpoints.length, 'each checkpoint once');
    assert.ok(checkpoints.length > 0, 'and there is one');
  });

  test('at a terminal it speaks to people, and what it says of the API is so', async () => {
    config('[admin]');
    const open = await start({ terminal: true, env: { HOLDFAST_ADMIN_TOKEN: ADMIN } });
    assert.doesNotMatch(open.out, /\{"/, open.out);
    assert.match(open.out, /^ {2}http:\/\/127\.0\.0\.1:\d+\/sign-in#[\w-]{43}\r?$/m);
    assert.match(open.out, /Slack: not set up; calls are approved in the console.*\r?\n +console: http/);
    const closed = await start({ terminal: true, args: ['--allow-undecidable'] });
    assert.match(closed.out, /Slack: not set up; nobody can approve .*\r?\n +console and API: closed/);
    assert.doesNotMatch(closed.out, /\{"|over the API|sign-in/);
  });
});
