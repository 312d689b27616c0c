import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { DayCall } from './day.ts';
import type { DayGateway } from './gateway.ts';

/** How a call ended for its agent. */
export interface Told {
  readonly call: DayCall;
  /** `ran`, or the first words of what the agent was told instead. */
  readonly end: string;
}

/** As long as an agent would go on asking at all. */
const LONGEST_MS = 3_600_000;
/** An agent that is told to repeat its call does so after a moment. */
const AGAIN_MS = 500;

/** Agents as they are: the SDK's client, a session for each agent and server. */
export class DayAgents {
  readonly #gateway: DayGateway;
  readonly #clients = new Map<string, Promise<Client>>();

  constructor(gateway: DayGateway) {
    this.#gateway = gateway;
  }

  /** Sends the call, and the same again while the answer is that a person has yet to decide. Never rejects. */
  async call(call: DayCall): Promise<Told> {
    const told = (end: string): Told => ({ call, end });
    try {
      const client = await this.#client(call);
      for (;;) {
        const answer = await client.callTool({ name: call.tool, arguments: { ...call.arguments } }, undefined, {
          timeout: LONGEST_MS,
          resetTimeoutOnProgress: true,
          onprogress: () => undefined,
        });
        if (!answer.isError) return told('ran');
        const says = (answer.content as readonly { readonly text?: string }[])[0]?.text ?? '';
        if (!says.startsWith('Waiting for approval')) return told(says.split('\n')[0]!);
        await sleep(AGAIN_MS);
      }
    } catch (error) {
      return told(`failed: ${(error as Error).message}`);
    }
  }

  #client({ agent, server }: DayCall): Promise<Client> {
    const key = `${agent} ${server}`;
    const client = this.#clients.get(key) ?? this.#connect(agent, server);
    this.#clients.set(key, client);
    return client;
  }

  async #connect(agent: string, server: string): Promise<Client> {
    const client = new Client({ name: agent, version: '1' });
    const requestInit = { headers: { authorization: `Bearer ${this.#gateway.tokens.get(agent)}` } };
    const url = new URL(`${this.#gateway.url}/mcp/${server}`);
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit }) as never);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map(async (client) => (await client).close().catch(() => undefined)));
  }
}
