/** A gateway on Postgres, and somebody who may change every row there and knows the schema, but not HOLDFAST_SECRET. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach } from 'node:test';
import { Agent } from '../agent/agent.ts';
import { type Backing, query, startBacking } from '../store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../upstream/counting.ts';
import { eventually } from '../wait.ts';
import { type ApiEvent, type GatewayProcess, type House, type HouseOptions, openHouse } from './program.ts';

interface Readiness {
  readonly gated: boolean;
  readonly alarms?: readonly { readonly why: string; readonly about: string }[];
}

export const JSON_BODY = { 'content-type': 'application/json' };

/** Each test has a house, a database and a gateway of its own; they share the server of databases. */
export class AdministratorWorld {
  backing!: Backing;
  upstream!: CountingUpstream;
  database!: string;
  house!: House;
  gateway!: GatewayProcess;

  /** By a connection of the administrator's own. */
  sql(text: string): Promise<Record<string, unknown>[]> {
    return query(this.database, text);
  }

  open(grant = 'agent'): Promise<Agent> {
    return Agent.open(`${this.gateway.url}/mcp/tools`, this.house.tokens[grant]!);
  }

  async ready(path = '/readyz'): Promise<{ readonly status: number; readonly body: Readiness }> {
    const response = await this.gateway.api(path);
    return { status: response.status, body: (await response.json()) as Readiness };
  }

  /** Waits for an alarm that says this. */
  alarmed(words = /./, ms = 20_000): Promise<NonNullable<Readiness['alarms']>> {
    const found = async () => {
      const { alarms = [] } = (await this.ready()).body;
      return alarms.some(({ why }) => words.test(why)) ? alarms : null;
    };
    return eventually(`an alarm like ${words}`, found, ms);
  }

  /** Waits for an event `seal.broken` of this. */
  broken(of: (data: Record<string, unknown>) => boolean): Promise<ApiEvent> {
    const found = async () =>
      (await this.gateway.events()).find(({ type, data }) => type === 'seal.broken' && of(data));
    return eventually('the event seal.broken', async () => (await found()) ?? null, 20_000);
  }

  post(path: string, body: unknown): Promise<Response> {
    return this.gateway.api(path, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(body) });
  }

  /** An operator accepts the store. What was done with it. */
  async accept(): Promise<Record<string, unknown>> {
    const response = await this.post('/api/store/accept', { reason: 'looked at' });
    assert.equal(response.status, 200, await response.clone().text());
    const isOver = async () => ((await this.ready()).body.gated ? true : null);
    await eventually('no alarm', isOver, 20_000);
    return (await response.json()) as Record<string, unknown>;
  }

  async freeze(scope: unknown): Promise<string> {
    const response = await this.post('/api/freeze', { scope, reason: 'incident 7' });
    assert.equal(response.status, 201, await response.clone().text());
    return ((await response.json()) as { id: string }).id;
  }

  thaw(id: string): Promise<Response> {
    const body = JSON.stringify({ reason: 'over' });
    return this.gateway.api(`/api/freeze/${id}`, { method: 'DELETE', headers: JSON_BODY, body });
  }

  /** Ends the gateway, does this meanwhile, and starts one on the same directory and database. */
  async restart(meanwhile: () => Promise<unknown> = async () => {}, how: 'kill' | 'stop' = 'stop'): Promise<void> {
    await this.gateway[how]();
    await meanwhile();
    this.gateway = await this.house.start();
  }

  /** Signs in to the console. The cookie. */
  async signIn(): Promise<string> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: this.gateway.url };
    const body = new URLSearchParams({ token: this.house.adminToken, next: '/' }).toString();
    const response = await fetch(`${this.gateway.url}/login`, { method: 'POST', headers, body, redirect: 'manual' });
    assert.equal(response.status, 303, await response.text());
    return response.headers.get('set-cookie')!.split(';')[0]!;
  }

  byCookie(cookie: string, path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.gateway.url}${path}`, {
      ...{ redirect: 'manual', ...init },
      headers: { ...init.headers, cookie },
    });
  }

  async revoke(grant: string): Promise<Response> {
    const headers = { ...JSON_BODY, origin: this.gateway.url };
    const body = JSON.stringify({ grant, reason: 'left' });
    return this.byCookie(await this.signIn(), '/console/revoke', { method: 'POST', headers, body });
  }

  /** Waits until this grant's token is good for nothing. */
  refused(grant: string): Promise<true> {
    return eventually('the token is refused', async () => {
      const response = await fetch(`${this.gateway.url}/mcp/tools`, {
        method: 'POST',
        headers: { ...JSON_BODY, authorization: `Bearer ${this.house.tokens[grant]}` },
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      });
      return response.status === 401 ? true : null;
    });
  }
}

/** Opens such a world around the tests of this suite. `policy`: of the server `tools`. */
export function administratorWorld(policy: string, options: Partial<HouseOptions> = {}): AdministratorWorld {
  const world = new AdministratorWorld();
  before(async () => {
    [world.backing, world.upstream] = await Promise.all([startBacking('postgres'), countingUpstream()]);
  });
  after(async () => {
    await world.upstream.close();
    await world.backing.stop();
  });
  beforeEach(async () => {
    world.database = await world.backing.database();
    world.house = await openHouse({
      servers: { tools: { at: `url: "${world.upstream.url}"`, policy } },
      approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
      databaseUrl: world.database,
      ...options,
    });
    world.gateway = await world.house.start();
  });
  afterEach(() => world.house?.close());
  return world;
}
