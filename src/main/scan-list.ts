import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { z } from 'zod';
import type { ServerConfig } from '../config/config.ts';
import type { Json } from '../domain/json.ts';
import { type Tool, toolOf } from '../domain/tool.ts';

/** What a server said about itself, or why it could not. */
export type Listing =
  | { readonly ok: true; readonly name: string; readonly version: string; readonly tools: readonly Tool[] }
  | { readonly ok: false; readonly why: string };

/** A list that goes on beyond this is no list. */
const MOST_PAGES = 200;
const MOST_TOOLS = 10_000;
const STDERR_KEPT = 2_000;

/** Loose: a tool that the SDK's own schema would refuse is shown all the same, because agents may see it. */
const Page = z.looseObject({ tools: z.array(z.json()), nextCursor: z.string().optional() });

/**
 * Connects to one server as an agent would, lists its tools page by page and goes away again. Takes `timeoutMs` at
 * most, and never throws: what fails is said in words. Redirects are not followed, as for calls.
 */
export async function listTools(server: ServerConfig, timeoutMs: number): Promise<Listing> {
  const heard = new Heard();
  const client = new Client({ name: 'holdfast-scan', version: '1' });
  const cut = new AbortController();
  const clock = setTimeout(() => cut.abort(new Error(`no answer within ${timeoutMs / 1_000} s`)), timeoutMs);
  try {
    const work = listed(client, transportOf(server.upstream, heard), { signal: cut.signal, timeout: timeoutMs });
    return await Promise.race([work, aborted(cut.signal)]);
  } catch (error) {
    return { ok: false, why: [words(error), heard.text()].filter((part) => part !== '').join('; it said: ') };
  } finally {
    clearTimeout(clock);
    await client.close().catch(() => undefined);
  }
}

async function listed(
  client: Client,
  transport: Transport,
  options: { readonly signal: AbortSignal; readonly timeout: number },
): Promise<Listing> {
  await client.connect(transport, options);
  const tools: Tool[] = [];
  const cursors = new Set<string>();
  for (let cursor: string | undefined; ; ) {
    const params = cursor === undefined ? {} : { cursor };
    const page = await client.request({ method: 'tools/list', params }, Page, options);
    for (const entry of page.tools) {
      const tool = toolOf(entry as Json);
      if (tool !== null) tools.push(tool);
    }
    cursor = page.nextCursor;
    if (cursor === undefined) break;
    if (cursors.has(cursor)) throw new Error('its list of tools goes in a circle');
    cursors.add(cursor);
    if (cursors.size > MOST_PAGES || tools.length > MOST_TOOLS) throw new Error('its list of tools has no end');
  }
  const { name = '', version = '' } = client.getServerVersion() ?? {};
  return { ok: true, name, version, tools };
}

function transportOf(upstream: ServerConfig['upstream'], heard: Heard): Transport {
  if (upstream.kind === 'http') {
    const fetchOnly: typeof fetch = (url, init) => fetch(url, { ...init, redirect: 'error' });
    const transport = new StreamableHTTPClientTransport(new URL(upstream.url), {
      requestInit: { headers: upstream.headers },
      fetch: fetchOnly,
    });
    // The SDK's class says `sessionId: string | undefined` where its interface says `sessionId?: string`.
    return transport as Transport;
  }
  const [command, ...args] = upstream.command;
  const transport = new StdioClientTransport({
    command,
    args,
    env: { ...getDefaultEnvironment(), ...upstream.env },
    stderr: 'pipe',
    ...(upstream.cwd === null ? {} : { cwd: upstream.cwd }),
  });
  transport.stderr?.on('data', (chunk: Buffer) => heard.push(chunk));
  return transport;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** The last of what a child wrote to stderr: it usually says what it lacks. */
class Heard {
  #last = '';

  push(chunk: Buffer): void {
    this.#last = (this.#last + chunk.toString('utf8')).slice(-STDERR_KEPT);
  }

  text(): string {
    return this.#last.trim().split('\n').slice(-3).join(' / ');
  }
}

function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message}${cause}`;
}
