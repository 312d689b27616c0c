import assert from 'node:assert/strict';
import { Agent as Connections, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, textOf } from '../support/agent.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../support/backing.ts';
import { type CountingUpstream, countingUpstream } from '../support/counting-upstream.ts';
import { eventually, type GatewayProcess, type House, openHouse } from '../support/gateway.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
`;
const PARKED = 200;
/** Agents, each with twenty calls. */
const AGENTS = Array.from({ length: 10 }, (_, n) => `agent-${n}`);
const READERS = 4;
/** Milliseconds that a process may take from SIGTERM to its end: 10 s for calls under way, and some to tidy up. */
const STOP_MS = 20_000;

describe('a rolling restart on Redis and Postgres', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      grants: AGENTS,
      approval: '{ timeout: 10m, hold: { default: 60s, progress: 60s } }',
      env: { HOLDFAST_LOG: 'warn' },
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
      slack: false,
    });
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  test(`P4: with ${PARKED} calls parked, approvals going on and reads in between, nothing is lost and nothing runs twice`, async (t) => {
    const fleet = new Fleet();
    t.after(() => {
      fleet.over = true;
    });
    fleet.live.push(...(await Promise.all([house.start(), house.start()])));
    const answers: Promise<string>[] = [];
    const parked = async () => (await fleet.live[0]!.approvals('pending')).length === answers.length || null;
    while (answers.length < PARKED) {
      for (const name of AGENTS) answers.push(fleet.insist(house.tokens[name]!, 'create_key', { n: answers.length }));
      await eventually(`${answers.length} are parked`, parked);
    }
    const reading = new AbortController();
    const readers = Array.from({ length: READERS }, () => fleet.read(house.tokens.agent!, reading.signal));
    const approving = fleet.approveAll();
    for (let turn = 0; turn < 2; turn += 1) {
      const old = fleet.live[0]!;
      fleet.live.push(await house.start());
      const begun = performance.now();
      const ended = old.stop();
      // Whoever balances learns of it by the refused connection, like the agents here.
      await sleep(300);
      fleet.live.shift();
      assert.equal(await ended, 0, old.log);
      assert.ok(performance.now() - begun < STOP_MS, 'it does not wait for what is only parked');
    }
    await approving;
    const heard = await Promise.all(answers);
    reading.abort();
    await Promise.all(readers);

    assert.deepEqual(new Set(heard), new Set(['done']));
    assert.deepEqual(fleet.broken, [], 'no connection broke under a request');
    const runs = Array.from({ length: PARKED }, (_, n) => upstream.count('create_key', { n }));
    assert.deepEqual(new Set(runs), new Set([1]), 'each ran once, by the server’s own count');
    assert.ok(fleet.reads > 50 && upstream.count('read') === fleet.reads, `${fleet.reads} reads`);
    const states = new Set((await fleet.live[0]!.approvals()).map(({ state }) => state));
    assert.deepEqual(states, new Set(['succeeded']));
  });

  test('P4: asked to stop, it refuses connections, tells those it has, and lets a plain call under way finish', async () => {
    const gateway = await house.start();
    const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const release = Promise.withResolvers<{ text: string }>();
    upstream.behave = () => release.promise;
    const running = agent.call('read', { slow: true });
    await eventually('it runs', () => (upstream.count('read', { slow: true }) === 1 ? true : null));
    const kept = new Connections({ keepAlive: true, maxSockets: 1 });
    try {
      assert.deepEqual(await ready(kept, gateway.url), { status: 200, connection: 'keep-alive' });
      const ended = gateway.stop();
      await eventually('nobody listens', () =>
        fetch(`${gateway.url}/healthz`).then(
          () => null,
          () => true,
        ),
      );
      assert.deepEqual(await ready(kept, gateway.url), { status: 503, connection: 'close' });
      release.resolve({ text: 'finished' });
      assert.equal(textOf(await running.answer), 'finished');
      assert.equal(await ended, 0);
    } finally {
      kept.destroy();
      upstream.behave = () => ({ text: 'done' });
    }
  });
});

/** What agents and an approver see of a set of gateways that changes. */
class Fleet {
  readonly live: GatewayProcess[] = [];
  /** What went wrong with a request that may have arrived. */
  readonly broken: string[] = [];
  reads = 0;
  /** The test is over, however it went: nobody asks any more. */
  over = false;

  /** The same call again, wherever somebody listens, until it is answered for good. */
  async insist(token: string, tool: string, args: Record<string, unknown>): Promise<string> {
    let agent: Agent | null = null;
    while (!this.over) {
      const url = `${this.#any().url}/mcp/tools`;
      try {
        agent ??= await Agent.open(url, token);
        agent.url = url;
        const text = textOf(await agent.call(tool, args).answer);
        if (!/^(Waiting for approval|Cannot decide)/.test(text)) return text;
      } catch (error) {
        if (!saidNo(error)) this.broken.push(String(error instanceof Error ? (error.cause ?? error) : error));
        await sleep(20);
      }
    }
    return '';
  }

  async read(token: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const heard = await this.insist(token, 'read', { at: Math.random() });
      if (this.over) return;
      assert.equal(heard, 'done');
      this.reads += 1;
      await sleep(10);
    }
  }

  async approveAll(): Promise<void> {
    while (!this.over) {
      const pending = await this.#any()
        .approvals('pending')
        .catch(() => null);
      if (pending?.length === 0) return;
      for (const { id } of pending?.slice(0, 10) ?? []) {
        // A click that meets a closed door is made again with the next list.
        await this.#any()
          .api(`/api/approvals/${id}/decisions`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ decision: 'approve' }),
          })
          .then((response) => response.text())
          .catch(() => undefined);
      }
      await sleep(300);
    }
  }

  #any(): GatewayProcess {
    return this.live[Math.floor(Math.random() * this.live.length)]!;
  }
}

/** Nobody listens, so not a byte was sent; or a machine with too much to do said that nothing was done. */
function saidNo(error: unknown): boolean {
  const { cause, message } = error as { cause?: { code?: string }; message?: string };
  return cause?.code === 'ECONNREFUSED' || /\b503 /.test(message ?? '');
}

function ready(agent: Connections, url: string): Promise<{ status: number; connection: string }> {
  return new Promise((resolve, reject) => {
    request(`${url}/readyz`, { agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode!, connection: answer.headers.connection ?? '' }));
    })
      .on('error', reject)
      .end();
  });
}
