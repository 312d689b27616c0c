import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { ToolAnswer } from '../../support/agent/agent.ts';
import { textOf } from '../../support/agent/agent.ts';
import { ModernAgent, WITH_TASKS } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream } from '../../support/upstream/eras.ts';

/**
 * Every client gets its answer. Time is scaled down through the clients' own options (60 s become 6 s) and the
 * gateway's own settings (a hold of 50 s becomes 1 s). All clients wait at once, longer than their time-out, while the
 * gateway is killed and started again.
 */
const CLIENT_TIMEOUT = 6_000;
const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;
const HOLD = '{ timeout: 10m, max_pending: 100, hold: { default: 1s, progress: 60s, leg: 1s, beat: 400ms } }';

let upstream: ErasUpstream;
let house: House;
let gateway: GatewayProcess;

before(async () => {
  upstream = await erasUpstream();
  house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval: HOLD,
    slack: false,
  });
  gateway = await house.start();
});
after(async () => {
  await house.close();
  await upstream.close();
});

const url = (): URL => new URL(`${gateway.url}/mcp/tools`);
const authorization = (): string => `Bearer ${house.tokens.agent}`;

async function restart(): Promise<void> {
  const { host } = new URL(gateway.url);
  await gateway.kill();
  gateway = await house.start({ env: { HOLDFAST_LISTEN: host } });
}

async function decide(id: string, decision: 'approve' | 'deny'): Promise<void> {
  const body = JSON.stringify({ decision, reason: 'because' });
  const headers = { 'content-type': 'application/json' };
  const answer = await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
  // 409: its caller has just withdrawn it.
  assert.ok(answer.status === 200 || answer.status === 409, await answer.text());
}

/** A running client: makes one call the way this kind of client does. */
interface Hand {
  call(name: string): Promise<ToolAnswer>;
  close(): Promise<void>;
}

interface Kind {
  readonly name: string;
  /** It survives the gateway's restart and needs no host. */
  readonly lasting?: boolean;
  open(): Promise<Hand>;
}

function old(more: { progress: boolean; task?: boolean }): () => Promise<Hand> {
  return async () => {
    const client = new Client({ name: 'matrix', version: '1' });
    const requestInit = { headers: { authorization: authorization() } };
    const reconnectionOptions = {
      initialReconnectionDelay: 200,
      maxReconnectionDelay: 500,
      reconnectionDelayGrowFactor: 1.1,
      maxRetries: 60,
    };
    await client.connect(new StreamableHTTPClientTransport(url(), { requestInit, reconnectionOptions }) as never);
    const patience = more.progress
      ? { timeout: CLIENT_TIMEOUT, resetTimeoutOnProgress: true, onprogress: () => undefined }
      : { timeout: CLIENT_TIMEOUT };
    return {
      call: async (name) => {
        const params = { name: 'create_key', arguments: { name } };
        if (!more.task) return (await client.callTool(params, undefined, patience)) as ToolAnswer;
        const stream = client.experimental.tasks.callToolStream(params, CallToolResultSchema, {
          ...patience,
          task: {},
        });
        for await (const message of stream) {
          if (message.type === 'result') return message.result as ToolAnswer;
          if (message.type === 'taskStatus' && message.task.status === 'failed') {
            return { content: [{ type: 'text', text: message.task.statusMessage ?? '' }] };
          }
          if (message.type === 'error') throw message.error;
        }
        throw new Error('the stream ended');
      },
      close: () => client.close(),
    };
  };
}

const KINDS: readonly Kind[] = [
  { name: 'SDK v1, 60 s and no more', open: old({ progress: false }) },
  { name: 'SDK v1, time-out reset by progress', open: old({ progress: true }) },
  { name: 'SDK v1 with tasks', open: old({ progress: false, task: true }) },
  {
    name: 'SDK v2, round trips by itself',
    open: async () => {
      const client = new NewClient({ name: 'matrix', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      await client.connect(new NewTransport(url(), { requestInit: { headers: { authorization: authorization() } } }));
      assert.equal(client.getNegotiatedProtocolVersion?.() ?? '2026-07-28', '2026-07-28');
      return {
        call: async (name) =>
          (await client.callTool(
            { name: 'create_key', arguments: { name } },
            { timeout: CLIENT_TIMEOUT },
          )) as ToolAnswer,
        close: () => client.close(),
      };
    },
  },
  {
    name: 'SDK v2 in the old era',
    open: async () => {
      const client = new NewClient({ name: 'matrix', version: '1' });
      await client.connect(new NewTransport(url(), { requestInit: { headers: { authorization: authorization() } } }));
      return {
        call: async (name) =>
          (await client.callTool(
            { name: 'create_key', arguments: { name } },
            { timeout: CLIENT_TIMEOUT },
          )) as ToolAnswer,
        close: () => client.close(),
      };
    },
  },
  {
    name: 'the tasks extension, by hand',
    lasting: true,
    open: async () => {
      const agent = new ModernAgent(url().href, house.tokens.agent!, WITH_TASKS);
      const tasks = new Map<string, string>();
      return {
        call: async (name) => {
          const known = tasks.get(name);
          const taskId = known ?? String((await agent.call('create_key', { name })).result?.taskId);
          tasks.set(name, taskId);
          const { result } = await agent.send('tasks/get', { taskId });
          if (result?.status !== 'completed') throw new Error('not yet');
          return result.result as unknown as ToolAnswer;
        },
        close: async () => undefined,
      };
    },
  },
  {
    name: 'mcp-remote',
    open: async () => {
      const bin = new URL('../../../node_modules/mcp-remote/dist/proxy.js', import.meta.url).pathname;
      const args = [bin, url().href, '--transport', 'http-only', '--allow-http', '--header', `Authorization:$\{TOKEN}`];
      const env = { PATH: process.env.PATH ?? '', HOME: house.folder, TOKEN: authorization() };
      const client = new Client({ name: 'matrix', version: '1' });
      await client.connect(
        new StdioClientTransport({ command: process.execPath, args, env, stderr: 'ignore' }) as never,
      );
      return {
        call: async (name) =>
          (await client.callTool({ name: 'create_key', arguments: { name } }, undefined, {
            timeout: CLIENT_TIMEOUT,
          })) as ToolAnswer,
        close: () => client.close(),
      };
    },
  },
];

/** A host that starts its client again when that has lost its server. */
class Host {
  readonly #kind: Kind;
  #hand: Promise<Hand>;
  readonly #all: Promise<Hand>[] = [];

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#hand = this.#open();
  }

  #open(): Promise<Hand> {
    const hand = this.#kind.open();
    hand.catch(() => undefined);
    this.#all.push(hand);
    return hand;
  }

  /** Repeats the same call, as an agent does, while it is told to wait or gets no answer. */
  async insist(name: string): Promise<string> {
    const until = Date.now() + PATIENCE;
    for (let failures = 0; ; ) {
      const hand = this.#hand;
      try {
        const text = textOf(await (await hand).call(name));
        if (!text.startsWith('Waiting for approval')) return text;
      } catch (error) {
        failures += 1;
        if (Date.now() > until) throw error;
        if (failures % 4 === 0 && this.#hand === hand && !this.#kind.lasting) this.#hand = this.#open();
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      if (Date.now() > until) throw new Error('no answer in time');
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#all.map(async (hand) => (await hand).close()));
  }
}

const PATIENCE = 90_000;

describe('Every client can wait for a human', () => {
  const hosts: Host[] = [];
  const answers: { approved: Promise<string>; denied: Promise<string> }[] = [];
  before(async () => {
    for (const [index, kind] of KINDS.entries()) {
      const host = new Host(kind);
      hosts.push(host);
      const answer = { approved: host.insist(`yes-${index}`), denied: host.insist(`no-${index}`) };
      answer.approved.catch(() => undefined);
      answer.denied.catch(() => undefined);
      answers.push(answer);
    }
    const named = (name: string) => gateway.pending('create_key', { name });
    for (const index of KINDS.keys()) await Promise.all([named(`yes-${index}`), named(`no-${index}`)]);
    await new Promise((resolve) => setTimeout(resolve, CLIENT_TIMEOUT));
    await restart();
    await new Promise((resolve) => setTimeout(resolve, CLIENT_TIMEOUT));
    approver = approveUntilAnswered();
    approver.catch(() => undefined);
  });
  /**
   * An approver who stays: on a busy machine a client may give up, withdraw its approved call and ask again. What was
   * withdrawn has not run.
   */
  let approver: Promise<void> = Promise.resolve();
  async function approveUntilAnswered(): Promise<void> {
    const all = Promise.allSettled(answers.flatMap(({ approved, denied }) => [approved, denied]));
    for (let over = false; !over; ) {
      for (const { id, arguments: args } of await gateway.approvals('pending')) {
        await decide(id, String(args.name).startsWith('yes-') ? 'approve' : 'deny');
      }
      const soon = new Promise((resolve) => setTimeout(() => resolve('not yet'), 200));
      over = (await Promise.race([all, soon])) !== 'not yet';
    }
  }
  after(async () => {
    await approver.catch(() => undefined);
    await Promise.all(hosts.map((host) => host.close()));
  });

  for (const [index, kind] of KINDS.entries()) {
    test(`P2, P4: ${kind.name}: longer than its time-out, over a gateway that was killed: one call, right answers`, async () => {
      assert.equal(await answers[index]!.approved, 'done');
      assert.match(await answers[index]!.denied, /^Denied by admin: because/);
      assert.equal(upstream.count('create_key', { name: `yes-${index}` }), 1);
      assert.equal(upstream.count('create_key', { name: `no-${index}` }), 0);
    });
  }
});
