import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { faultText } from '../../../src/config/document/fault.ts';
import { newGrant } from '../../../src/config/grants.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { type Prometheus, startPrometheus } from '../../../src/demo/prometheus.ts';
import { type Running, startNode } from '../../../src/main/node.ts';
import { fromDisk } from '../../../src/main/process/from-disk.ts';
import { processLog } from '../../../src/main/process/log.ts';
import { copyPrepared } from '../store/prepared.ts';

export const ADMIN_TOKEN = 'an-admin-token-for-tests-only';

/** The console's pages, but for those of one approval or event. */
export const ROOMS = [
  '/',
  '/mine',
  '/activity',
  '/audit',
  '/overview',
  '/oversight',
  '/policies',
  '/grants',
  '/allowances',
  '/freezes',
];

/** A gateway with its console, a small server behind it, and agents that call it. */
export interface ConsoleWorld {
  readonly url: string;
  readonly running: Running;
  readonly prometheus: Prometheus;
  /** An MCP client with the grant `release-bot`, or another one of the config. */
  agent(grant?: string): Promise<Client>;
  close(): Promise<void>;
}

const POLICY = `version: "1"
default: deny
hide: [delete_workspace]
tools:
  query: { risk: read, limits: [{ counter: queries, window: hour, max: 40, scope: grant }] }
  create_api_key:
    risk: write
    severity: medium
    action: require_approval
    reason: Creates a credential that outlives the session.
    deny_if: [{ path: args.role, op: eq, value: admin }]
    limits: [{ counter: create_api_key_rate, window: day, max: 8, scope: grant }]
    approval: { approvers: [security], quorum: 1, timeout: 30m, deny_reason: required, summary: 'Create an API key "{args.name}" with role {args.role} by the token {args.api_token}' }
    redact: [args.api_token]
  "export_*": { risk: read, severity: high, action: require_approval }
`;

/** Without a rate of openings of its own, none is felt. */
function many(config: string): string {
  return /^approval:/m.test(config) ? config : `${config.trimEnd()}\napproval: { openings: 1000/second }\n`;
}

/** `admin` is an approver unless `approver: false`. `adminToken: null` leaves the console closed. */
export async function consoleWorld(
  options: {
    approver?: boolean;
    adminToken?: string | null;
    env?: Record<string, string>;
    /** More members of the server, and more lines of the config. */
    server?: string;
    config?: string;
    /** More lines of the policy, or all of them. */
    policy?: string;
    wholePolicy?: string;
    /** Changes the data directory, with its empty database, before the gateway opens it. */
    before?: (data: string) => Promise<void>;
  } = {},
): Promise<ConsoleWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-console-'));
  const prometheus = await startPrometheus();
  const tokens = new Map<string, string>();
  const grants = ['release-bot', 'nightly-bot'].map((name) => {
    const made = newGrant({ name, servers: ['prometheus'], owner: name === 'release-bot' ? 'U0SAM' : null });
    tokens.set(name, made.token);
    return made.yaml;
  });
  const approvers = options.approver === false ? '[U0MIRA]' : '[U0MIRA, admin]';
  await writeFile(join(folder, 'prometheus.yaml'), options.wholePolicy ?? `${POLICY}${options.policy ?? ''}`);
  await writeFile(
    join(folder, 'holdfast.yaml'),
    `version: "1"\nservers:\n  prometheus: { url: "${prometheus.url}", policy: prometheus.yaml${options.server ?? ''} }\ngrants:\n${grants.join('')}approvers:\n  security: ${approvers}\n${many(options.config ?? '')}`,
  );
  const adminToken = options.adminToken === undefined ? ADMIN_TOKEN : options.adminToken;
  const loaded = await loadConfig({
    configPath: join(folder, 'holdfast.yaml'),
    readFile: fromDisk,
    env: {
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_DATA: join(folder, 'data'),
      ...(adminToken === null ? {} : { HOLDFAST_ADMIN_TOKEN: adminToken }),
      ...options.env,
    },
  });
  if (!loaded.ok) throw new Error(loaded.faults.map(faultText).join('\n'));
  copyPrepared(join(folder, 'data'));
  await options.before?.(join(folder, 'data'));
  const running = await startNode(loaded, processLog('error'));
  const clients: Client[] = [];
  return {
    url: running.url,
    running,
    prometheus,
    agent: async (grant = 'release-bot') => {
      const client = new Client({ name: grant, version: '1.0.0' });
      const headers = { authorization: `Bearer ${tokens.get(grant)}` };
      const transport = new StreamableHTTPClientTransport(new URL(`${running.url}/mcp/prometheus`), {
        requestInit: { headers },
      });
      await client.connect(transport as never);
      clients.push(client);
      return goesOnWaiting(client);
    },
    close: async () => {
      await Promise.allSettled(clients.map((client) => client.close()));
      await running.stop();
      await prometheus.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Calls again while the answer is that the call waits, as that answer asks for: a busy machine outlasts one hold. */
function goesOnWaiting(client: Client): Client {
  const once = client.callTool.bind(client);
  client.callTool = async (...call) => {
    for (;;) {
      const answer = await once(...call);
      const [first] = (answer as { content?: readonly { text?: string }[] }).content ?? [];
      // What is told at once, because others wait already for example, is the answer.
      if (first?.text?.includes('is held until a person approves it') !== true) return answer;
      await sleep(500);
    }
  };
  return client;
}

const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET });
}

/** Milliseconds that a page may take for one step, however busy the machine is. */
const STEP_MS = 90_000;

/** A window of its own, without cookies of another one. */
export async function openWindow(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(STEP_MS);
  return context;
}

/** Signs in through the form, as a person does. */
export async function signIn(page: Page, url: string, token = ADMIN_TOKEN): Promise<void> {
  await page.goto(`${url}/login`);
  await page.getByLabel('Admin token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${url}/`);
}

/** Everything that pages complain about: script errors, and what the Content-Security-Policy blocked. */
export function complaintsOf(context: BrowserContext): string[] {
  const complaints: string[] = [];
  context.on('page', (page) => {
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
    });
  });
  return complaints;
}

interface Violation {
  readonly id: string;
  readonly impact?: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds wrong with the page under WCAG 2.2 A and AA; empty when nothing. */
export async function axeFaults(page: Page): Promise<string[]> {
  const source = await readFile(join(import.meta.dirname, '../../../node_modules/axe-core/axe.min.js'), 'utf8');
  // Through the debugger, to which the page's own policy does not apply.
  await page.evaluate(source);
  const violations = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((r) => r.violations)",
  )) as Violation[];
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 200)} — ${node.failureSummary?.slice(0, 300)}`),
  );
}

/** Presses until something comes of it: a button that has just appeared does nothing for half a second. */
export async function pressed(page: Page, button: string, then: Locator): Promise<void> {
  for (let tries = 0; tries < 8 && !(await then.isVisible()); tries += 1) {
    await page.getByRole('button', { name: button, exact: true }).click({ timeout: 30_000 });
    await then.waitFor({ timeout: 5_000 }).catch(() => undefined);
  }
  await then.waitFor({ timeout: 1_000 });
}
