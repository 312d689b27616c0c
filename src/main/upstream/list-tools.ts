import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { jsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/types.js';
import { z } from 'zod';
import type { Json } from '../../domain/json/json.ts';
import { type Tool, toolOf } from '../../domain/tool/tool.ts';

/** A server's name, version and tools, or why it could not be asked. */
export type ToolListing =
  | {
      readonly ok: true;
      readonly name: string;
      readonly version: string;
      readonly tools: readonly Tool[];
      /** What a command wrote to standard error meanwhile. */
      readonly said?: string;
    }
  | { readonly ok: false; readonly why: string };

/** A longer list counts as endless. */
const MOST_PAGES = 200;
const MOST_TOOLS = 10_000;

/** Loose: a tool that the SDK's own schema would refuse is listed too, because agents may see it. */
const Page = z.looseObject({ tools: z.array(z.json()), nextCursor: z.string().optional() });

/**
 * The SDK's own validator generates code, which workerd forbids. Only results of calls are validated, and nothing is
 * called.
 */
const NO_VALIDATOR: jsonSchemaValidator = {
  getValidator: () => () => ({ valid: false, data: undefined, errorMessage: 'nothing is called here' }),
};

/**
 * Connects as an agent would, lists the tools page by page and disconnects. Takes `timeoutMs` at most; never rejects: a
 * failure is described in words. `stderr`: what the server wrote outside the protocol, added to a failure.
 */
export async function listToolsOver(transport: Transport, timeoutMs: number, stderr = () => ''): Promise<ToolListing> {
  const client = new Client({ name: 'holdfast-scan', version: '1' }, { jsonSchemaValidator: NO_VALIDATOR });
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${timeoutMs / 1_000} s`)), timeoutMs);
  try {
    const work = listed(client, transport, { signal: timeout.signal, timeout: timeoutMs });
    const listing = await Promise.race([work, aborted(timeout.signal)]);
    const said = stderr();
    return listing.ok && said !== '' ? { ...listing, said } : listing;
  } catch (error) {
    return { ok: false, why: [messageOf(error), stderr()].filter((part) => part !== '').join('; it said: ') };
  } finally {
    clearTimeout(timer);
    await client.close().catch(() => undefined);
  }
}

async function listed(
  client: Client,
  transport: Transport,
  options: { readonly signal: AbortSignal; readonly timeout: number },
): Promise<ToolListing> {
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

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message}${cause}`;
}
