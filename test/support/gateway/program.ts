/** The real program with everything around it: config, policies, Slack stand-in, and the processes themselves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newGrant } from '../../../src/config/grants.ts';
import { type SlackStandIn, startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import type { InputValues } from '../../../src/demo/slack/state/inputs.ts';
import type { SlackMessage } from '../../../src/demo/slack/state/messages.ts';
import { copyPrepared } from '../store/prepared.ts';
import { eventually, PATIENCE } from '../wait.ts';
import { programPath } from './built.ts';

/** Milliseconds that a start may take where several start at once on two cores. */
const START_MS = 150_000;

export const CHANNEL = 'C0APPROVALS';
/** Where the test runner has Node keep what it compiled: half of a start is compiling. */
const COMPILED = process.env.NODE_COMPILE_CACHE;
const ROOT = new URL('../../..', import.meta.url).pathname;

export interface HouseOptions {
  /** What stands under `servers:`, by name, without its policy: `url: http://…` or `command: […]`. */
  readonly servers: Readonly<Record<string, { readonly at: string; readonly policy: string }>>;
  /** What stands under `approval:`, as flow YAML: `{ timeout: 2s }`. Without a rate of openings, none is felt. */
  readonly approval?: string;
  readonly approvers?: string;
  /** What stands under `sessions:`, as flow YAML. */
  readonly sessions?: string;
  /** What else stands under `slack:`, for example `, app: A0HOLDFAST`. */
  readonly slackMore?: string;
  /** What stands under `operators:`, as flow YAML. */
  readonly operators?: string;
  /** What stands under `audit:`, as flow YAML. */
  readonly audit?: string;
  /** Grants besides `agent`, all owned by U0SAM. */
  readonly grants?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** false: no Slack configured. */
  readonly slack?: boolean;
  /** true: the first start makes its embedded database itself, as it does for people. */
  readonly fresh?: boolean;
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
}

/** The members of the API's approval that tests read. */
export interface ApiApproval {
  readonly id: string;
  readonly state: string;
  readonly server: string;
  readonly tool: string;
  readonly broken: string | null;
  readonly callers: number;
  readonly gaveUp: number;
  readonly fingerprint: string;
  readonly previousUnknown: string | null;
  readonly statedReason: string | null;
  readonly laterReasons: readonly string[];
  readonly note: string | null;
  readonly answersTo: string | null;
  readonly asked: string | null;
  readonly sent: { readonly params: Record<string, unknown> };
  readonly answers: readonly { readonly text: string; readonly leg: string | null }[];
  readonly arguments: Record<string, unknown>;
  readonly decisions: readonly { readonly approver: string; readonly decision: string }[];
}

export interface ApiEvent {
  readonly doubt?: string;
  readonly n: number;
  readonly seq: number | null;
  readonly type: string;
  readonly actor: string;
  readonly approval: string | null;
  readonly data: Record<string, unknown>;
}

/** One `holdfast start`. */
export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  /** Everything it wrote to stderr so far. */
  readonly log: string;
  readonly stdout: string;
  /** SIGKILL: it cannot tidy up. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>;
  api(path: string, init?: RequestInit): Promise<Response>;
  approval(id: string): Promise<ApiApproval>;
  /** Waits until the approval is in this state. */
  reaches(id: string, state: string, ms?: number): Promise<ApiApproval>;
  approvals(state?: string): Promise<ApiApproval[]>;
  /** Waits for a pending approval of this tool, with these arguments if any are given. */
  pending(tool: string, args?: Record<string, unknown>): Promise<ApiApproval>;
  events(approval?: string): Promise<ApiEvent[]>;
}

/** The secret of gateways on Postgres. */
export const STORE_SECRET = 'for-tests-only-9Qw4zKp1xVd7Lm2sRb8T';

export interface House {
  readonly folder: string;
  readonly slack: SlackStandIn;
  /** Tokens by grant name. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly adminToken: string;
  start(more?: { env?: Record<string, string>; args?: readonly string[] }): Promise<GatewayProcess>;
  /** Starts it where it is expected to fail; returns its exit code and output. */
  startFails(more?: {
    env?: Record<string, string>;
    args?: readonly string[];
  }): Promise<{ code: number | null; said: string }>;
  writePolicy(server: string, text: string): void;
  /** Waits for the approval's card, and until it says `says` if that is given. */
  card(approval: string, says?: RegExp, ms?: number): Promise<SlackMessage>;
  /** With one click, or in the full view where the card asks for it. */
  approve(approval: string, user?: string): Promise<void>;
  deny(approval: string, reason?: string, user?: string): Promise<void>;
  /** Everything that went to Slack: calls and messages. */
  slackTraffic(): string;
  close(): Promise<void>;
}

export async function openHouse(options: HouseOptions): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  const slack = await startSlackStandIn({ rates: false });
  const adminToken = newGrant({ name: 'admin', servers: [], owner: null }).token;
  const names = ['agent', ...(options.grants ?? [])];
  const grants = names.map((name) => ({
    name,
    ...newGrant({ name, servers: Object.keys(options.servers), owner: 'U0SAM' }),
  }));
  const running = new Set<Program>();
  const killAtExit = (): void => {
    for (const program of running) program.child.kill('SIGKILL');
  };
  process.once('exit', killAtExit);

  const writePolicy = (server: string, text: string): void => writeFileSync(join(folder, `${server}.yaml`), text);
  for (const [name, { policy }] of Object.entries(options.servers)) writePolicy(name, policy);
  writeFileSync(join(folder, 'holdfast.yaml'), configText(options, grants.map((grant) => grant.yaml).join('')));

  if (options.databaseUrl === undefined && options.fresh !== true) copyPrepared(join(folder, 'data'));
  const environment = (more: Record<string, string>): Record<string, string> => ({
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '/',
    ...(COMPILED === undefined ? {} : { NODE_COMPILE_CACHE: COMPILED }),
    HOLDFAST_LISTEN: '127.0.0.1:0',
    HOLDFAST_DATA: join(folder, 'data'),
    HOLDFAST_ADMIN_TOKEN: adminToken,
    ...(options.databaseUrl ? { DATABASE_URL: options.databaseUrl, HOLDFAST_SECRET: STORE_SECRET } : {}),
    ...(options.redisUrl ? { REDIS_URL: options.redisUrl } : {}),
    ...(options.slack === false
      ? {}
      : { SLACK_BOT_TOKEN: slack.botToken, SLACK_SIGNING_SECRET: slack.signingSecret, SLACK_API_URL: slack.apiUrl }),
    ...options.env,
    ...more,
  });
  const launch: House['start'] = async (more = {}) => {
    const program = new Program(join(folder, 'holdfast.yaml'), environment(more.env ?? {}), more.args ?? []);
    running.add(program);
    void program.ended.then(() => running.delete(program));
    const url = await program.listening();
    slack.interactivityUrl = `${url}/slack/events`;
    return gatewayOf(program, url, adminToken);
  };

  async function card(approval: string, says = /./, ms = PATIENCE): Promise<SlackMessage> {
    return slack.waitFor(() => {
      const found = slack.messages(CHANNEL).find((message) => JSON.stringify(message.metadata).includes(approval));
      return found !== undefined && says.test(JSON.stringify([found.text, found.blocks])) ? found : null;
    }, ms);
  }

  /** Clicks, and clicks again where Slack shows that nobody answered in time, or that the gateway could not. */
  async function click(user: string, ts: string, actionId: string): Promise<void> {
    for (let clicked = 1; ; clicked++) {
      const { status, body } = await slack.click({ user, channel: CHANNEL, ts, actionId });
      if (status === 200) return;
      if ((status !== 0 && status !== 503) || clicked === 6)
        throw new Error(`the click was answered ${status} ${body}`);
    }
  }

  /** Presses the button of the modal about this approval, and once more where Slack shows that nobody answered. */
  async function submit(user: string, approval: string, values: InputValues): Promise<void> {
    const opened = () =>
      slack.openViews(user).find(({ view }) => JSON.stringify(view.private_metadata).includes(approval));
    const { id } = await slack.waitFor(() => opened() ?? null, PATIENCE);
    for (let pressed = 1; ; pressed++) {
      const { handled, errors } = await slack.submitView({ user, viewId: id, values });
      if (handled === 'closed' || handled === 'cleared' || handled === 'updated') return;
      // After a press that was taken though its answer came too late, the next one is told so.
      if (handled === 'errors' && pressed > 1) return;
      if (handled !== 'trouble' || pressed === 4) {
        throw new Error(`the modal was not taken: ${handled} ${JSON.stringify(errors)}`);
      }
    }
  }

  return {
    folder,
    slack,
    tokens: Object.fromEntries(grants.map((grant) => [grant.name, grant.token])),
    adminToken,
    start: launch,
    startFails: async (more = {}) => {
      const program = new Program(join(folder, 'holdfast.yaml'), environment(more.env ?? {}), more.args ?? []);
      running.add(program);
      const code = await program.ending();
      running.delete(program);
      return { code, said: program.out + program.err };
    },
    writePolicy,
    card,
    approve: async (approval, user = 'U0MIRA') => {
      const { ts, blocks } = await card(approval);
      const inFull = JSON.stringify(blocks).includes('"action_id":"review"');
      await click(user, ts, inFull ? 'review' : 'approve');
      if (inFull) await submit(user, approval, {});
    },
    deny: async (approval, reason = 'not today', user = 'U0ALEX') => {
      const { ts } = await card(approval);
      await click(user, ts, 'deny');
      await submit(user, approval, { words: reason });
    },
    slackTraffic: () =>
      JSON.stringify([slack.requests, slack.messages(CHANNEL), slack.views, slack.deliveries.map((d) => d.reaction)]),
    close: async () => {
      await Promise.all([...running].map((program) => program.kill()));
      process.off('exit', killAtExit);
      await slack.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Each call has its own card, unless a test is about digests. */
function digestOff(more: string): string {
  return more.includes('digest:') ? more : `${more}, digest: off`;
}

function configText(options: HouseOptions, grants: string): string {
  const servers = Object.entries(options.servers).map(([name, { at }]) => `  ${name}: { ${at}, policy: ${name}.yaml }`);
  return `version: "1"
servers:
${servers.join('\n')}
grants:
${grants}approvers:
  security: ${options.approvers ?? '[U0MIRA, U0ALEX, admin]'}
slack: { channel: ${CHANNEL}, team: T0MAIN${digestOff(options.slackMore ?? '')} }
approval: ${withOpenings(options.approval ?? '{ timeout: 10m }')}
${options.audit ? `audit: ${options.audit}\n` : ''}${options.sessions ? `sessions: ${options.sessions}\n` : ''}${options.operators ? `operators: ${options.operators}\n` : ''}`;
}

/** Tests open many approvals in a minute; those about the rate state it. */
function withOpenings(approval: string): string {
  return approval.includes('openings') ? approval : approval.replace('{', '{ openings: 1000/second,');
}

/** The process and its output. */
class Program {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly ended: Promise<number | null>;

  constructor(config: string, env: Record<string, string>, args: readonly string[]) {
    const words = [programPath(), 'start', '--config', config, ...args];
    this.child = spawn(process.execPath, words, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }

  async listening(): Promise<string> {
    const end = Date.now() + START_MS;
    for (;;) {
      const url = /holdfast is listening on (\S+)/.exec(this.out)?.[1];
      if (url !== undefined) return url;
      if (this.child.exitCode !== null) throw new Error(`it ended with ${this.child.exitCode}: ${this.out}${this.err}`);
      if (Date.now() > end) throw new Error(`it does not listen: ${this.out}${this.err}`);
      await sleep(20);
    }
  }

  /** For a process that should end by itself. */
  async ending(): Promise<number | null> {
    const code = await Promise.race([this.ended, sleep(60_000, 'late' as const, { ref: false })]);
    if (code !== 'late') return code;
    await this.kill();
    throw new Error(`it does not end: ${this.out}${this.err}`);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

function gatewayOf(program: Program, url: string, adminToken: string): GatewayProcess {
  const api: GatewayProcess['api'] = (path, init = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${adminToken}`, ...init.headers } });
  const json = async <T>(path: string): Promise<T> => {
    const response = await api(path);
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const approvals: GatewayProcess['approvals'] = async (state) =>
    (await json<{ items: ApiApproval[] }>(`/api/approvals?limit=500${state ? `&state=${state}` : ''}`)).items;
  const approval: GatewayProcess['approval'] = (id) => json(`/api/approvals/${id}`);

  return {
    url,
    pid: program.child.pid!,
    get log() {
      return program.err;
    },
    get stdout() {
      return program.out;
    },
    kill: () => program.kill(),
    stop: async () => {
      program.child.kill('SIGTERM');
      return program.ended;
    },
    api,
    approval,
    approvals,
    reaches: (id, state, ms) =>
      eventually(
        `${id} is ${state}`,
        async () => {
          const now = await approval(id);
          return now.state === state ? now : null;
        },
        ms,
      ),
    pending: (tool, args) =>
      eventually(`a pending ${tool}`, async () => {
        const found = (await approvals('pending')).filter((one) => one.tool === tool && holds(one.arguments, args));
        return found[0] ?? null;
      }),
    events: async (about) => {
      const all: ApiEvent[] = [];
      for (let after = 0; ; ) {
        const page = await json<{ items: ApiEvent[]; next: string | null }>(
          `/api/events?limit=500&after=${after}${about ? `&approval=${about}` : ''}`,
        );
        all.push(...page.items);
        if (page.next === null) return all;
        after = Number(page.next);
      }
    },
  };
}

function holds(args: Record<string, unknown>, wanted: Record<string, unknown> = {}): boolean {
  return Object.entries(wanted).every(([name, value]) => args[name] === value);
}
