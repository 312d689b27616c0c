import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** Milliseconds that a person at the demo's page has for one decision. */
const BY_HAND_MS = 5 * 60_000;

/** What a tool call returned. */
export interface ToolAnswer {
  readonly isError: boolean;
  readonly text: string;
  readonly firstLine: string;
}

/** A real MCP client that calls the demo's server through the gateway. */
export class DemoAgent {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(url: string, token: string): Promise<DemoAgent> {
    const client = new Client({ name: 'demo-agent', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    await client.connect(transport as never);
    return new DemoAgent(client);
  }

  async toolNames(): Promise<string[]> {
    const { tools } = await this.#client.listTools();
    return tools.map((tool) => tool.name);
  }

  /** `reason`: the agent's own words, which the card shows as unverified. */
  async call(name: string, args: Record<string, unknown>, reason?: string): Promise<ToolAnswer> {
    const options = { timeout: BY_HAND_MS, resetTimeoutOnProgress: true, onprogress: () => undefined };
    const meta = reason === undefined ? {} : { _meta: { 'holdfast/reason': reason } };
    const result = await this.#client.callTool({ name, arguments: args, ...meta }, undefined, options);
    const content = result.content as readonly { readonly text?: string }[];
    const text = content.map((part) => part.text ?? '').join('\n');
    return { isError: result.isError === true, text, firstLine: text.split('\n')[0]! };
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
