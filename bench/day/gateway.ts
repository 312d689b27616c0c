import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newGrant } from '../../src/config/grants.ts';
import { agentsOf, type Day } from './day.ts';
import type { Pace } from './pace.ts';

export interface DayGateway {
  readonly url: string;
  readonly tokens: ReadonlyMap<string, string>;
  /** Asks the API with the admin token, which is the approver's. */
  api<T>(method: string, path: string, body?: object): Promise<Answer<T>>;
  close(): Promise<void>;
}

export interface Answer<T> {
  readonly status: number;
  readonly json: T;
}

const ADMIN_TOKEN = 'day-admin-token-7Qx2mVb9LwZr4Tn8';
const CLI = join(import.meta.dirname, '../../src/cli/cli.ts');

/** Starts the program in front of the day's servers, with the day's policies at this pace. `env`: for example a database. */
export async function startGateway(
  day: Day,
  urls: ReadonlyMap<string, string>,
  pace: Pace,
  env: Readonly<Record<string, string>>,
): Promise<DayGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-day-'));
  mkdirSync(join(folder, 'policies'));
  for (const server of urls.keys()) {
    const text = readFileSync(join(import.meta.dirname, 'policies', `${server}.yaml`), 'utf8');
    writeFileSync(join(folder, 'policies', `${server}.yaml`), pace.policy(text));
  }
  const grants = [...agentsOf(day)].map(([name, servers]) => ({ name, ...newGrant({ name, servers, owner: 'sam' }) }));
  const config = configText(urls, grants.map(({ yaml }) => yaml).join(''), pace);
  writeFileSync(join(folder, 'holdfast.yaml'), config);
  const child = spawn(process.execPath, ['--max-semi-space-size=16', CLI, 'start'], {
    env: {
      ...process.env,
      HOLDFAST_CONFIG: join(folder, 'holdfast.yaml'),
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_DATA: join(folder, 'data'),
      HOLDFAST_ADMIN_TOKEN: ADMIN_TOKEN,
      HOLDFAST_LOG: 'error',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const close = async (): Promise<void> => {
    process.off('exit', killAtExit);
    if (child.exitCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const url = await listening(child);
    return { url, tokens: new Map(grants.map(({ name, token }) => [name, token])), api: apiOf(url), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Mira approves; the admin token is hers, and the agents are Sam's. */
function configText(urls: ReadonlyMap<string, string>, grants: string, pace: Pace): string {
  const servers = [...urls].map(([name, url]) => `  ${name}: { url: "${url}", policy: policies/${name}.yaml }\n`);
  return `version: "1"
servers:
${servers.join('')}grants:
${grants}people:
  mira: { login: mira@example.com, admin_token: true, roles: [approver, auditor, operator] }
  sam: { login: sam@example.com }
approvers: { platform: [mira, admin] }
operators: [admin]
approval: { max_pending: 60, openings: ${pace.perMinute(30)}, pickup: ${pace.duration('1h')}, hold: { progress: ${pace.duration('1h')} } }
`;
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout!.on('data', (text: Buffer) => {
      said += text;
      const url = /listening on (\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('exit', () => reject(new Error(`The gateway ended before it listened: ${said}`)));
  });
}

function apiOf(url: string): DayGateway['api'] {
  return async <T>(method: string, path: string, body?: object) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as T };
  };
}
