import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newGrant } from '../src/config/grants.ts';

export interface BenchServer {
  readonly url: string;
  readonly pid: number;
}

export interface BenchGateway extends BenchServer {
  /** The agent's token. */
  readonly token: string;
  readonly adminToken: string;
}

/** The processes of one run; all of them end with it. */
export class Rig {
  readonly #children: ChildProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  #count = 0;

  async script(name: string, ...args: string[]): Promise<BenchServer> {
    const { child, words } = await this.#run([join(import.meta.dirname, name), ...args], {}, /listening (\d+)/);
    return { url: `http://127.0.0.1:${words[1]}`, pid: child.pid! };
  }

  /** Starts a gateway in front of `upstream`. `tools`: the policy's `tools`, as YAML. */
  async gateway(
    upstream: string,
    tools: string,
    env: Record<string, string> = {},
    slackMore = '',
    nodeArgs: readonly string[] = [],
  ): Promise<BenchGateway> {
    const servers = `  up: { url: "${upstream}/mcp", policy: policy.yaml }\n`;
    const policy = `default: deny\ntools:\n${tools}`;
    const started = await this.gatewayOf(servers, ['up'], [policy], ['bench'], env, nodeArgs, slackMore);
    return { ...started, token: started.tokens.bench! };
  }

  /**
   * Starts a gateway. `servers`: the config's `servers`, as YAML; `policies`: the texts of `policy.yaml`, `policy1.yaml`
   * and so on, without their version; `grants`: names of grants for all of `names`; `slackMore`: what else stands under `slack:`.
   */
  async gatewayOf(
    servers: string,
    names: readonly string[],
    policies: readonly string[],
    grants: readonly string[],
    env: Record<string, string> = {},
    nodeArgs: readonly string[] = [],
    slackMore = '',
  ): Promise<Omit<BenchGateway, 'token'> & { readonly tokens: Readonly<Record<string, string>> }> {
    const folder = join(this.#folder, String(++this.#count));
    mkdirSync(folder);
    for (const [n, policy] of policies.entries()) {
      writeFileSync(join(folder, `policy${n || ''}.yaml`), `version: "1"\n${policy}`);
    }
    const made = grants.map((name) => ({ name, ...newGrant({ name, servers: [...names], owner: null }) }));
    writeFileSync(
      join(folder, 'holdfast.yaml'),
      `version: "1"\nservers:\n${servers}grants:\n${made.map((grant) => grant.yaml).join('')}` +
        `approvers: { all: [U0MIRA, admin] }\nslack: { channel: C0APPROVALS, team: T0MAIN${slackMore} }\n` +
        'approval: { max_pending: 10000, openings: 10000/second, kept_bytes: 1073741824, timeout: 2h, hold: { default: 1h, progress: 1h } }\n',
    );
    const adminToken = 'bench-admin-token-0123456789';
    const settings = {
      HOLDFAST_CONFIG: join(folder, 'holdfast.yaml'),
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_DATA: join(folder, 'data'),
      HOLDFAST_ADMIN_TOKEN: adminToken,
      HOLDFAST_LOG: 'error',
      ...env,
    };
    const cli = join(import.meta.dirname, '../src/cli/cli.ts');
    const args = ['--max-semi-space-size=16', ...nodeArgs, cli, 'start'];
    const { child, words } = await this.#run(args, settings, /listening on (\S+)/);
    const tokens = Object.fromEntries(made.map(({ name, token }) => [name, token]));
    return { url: words[1]!, pid: child.pid!, tokens, adminToken };
  }

  async #run(args: string[], env: Record<string, string>, ready: RegExp) {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    let said = '';
    for await (const chunk of child.stdout) {
      said += chunk;
      const words = ready.exec(said);
      if (words) return { child, words };
    }
    throw new Error(`${args.join(' ')} ended before it listened`);
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Resident memory of a process, in KiB. */
export function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** CPU seconds a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** What Node is started with to write a CPU profile into this folder; undefined: none is wanted. */
export function profiled(folder: string | undefined): string[] {
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}

/** Ends the process and waits until it has written its profile. */
export async function endInOrder(pid: number): Promise<void> {
  process.kill(pid, 'SIGINT');
  for (let tries = 0; tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
}
