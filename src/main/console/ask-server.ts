import type { ServerConfig } from '../../config/config.ts';
import type { AskServer } from '../../gateway/tools/ask-for-tools.ts';
import type { ToolLists } from '../../gateway/tools/tool-lists.ts';
import type { LiveRules } from '../rules/live-rules.ts';
import type { Listing } from '../upstream/list-tools.ts';

/** Milliseconds that a server has to list its tools. */
const PATIENCE_MS = 15_000;
const LONGEST_WHY = 500;

/** Asks a server for its tools on a reviewer's word. Who asks while it is being asked gets the same answer. */
export function askServer(
  rules: Pick<LiveRules, 'loaded'>,
  lists: Pick<ToolLists, 'listed'>,
  listTools: (server: ServerConfig, timeoutMs: number) => Promise<Listing>,
): AskServer {
  const asking = new Map<string, ReturnType<AskServer>>();
  const ask = async (server: ServerConfig, actor: string): ReturnType<AskServer> => {
    const listing = await listTools(server, PATIENCE_MS);
    if (!listing.ok) return { kind: 'failed', why: listing.why.slice(0, LONGEST_WHY) };
    await lists.listed(server.name, listing.tools, actor);
    return { kind: 'listed', count: listing.tools.length };
  };
  return (name, actor) => {
    const server = rules.loaded.config.servers.get(name);
    if (server === undefined) return Promise.resolve({ kind: 'unknown' });
    const known = asking.get(name) ?? ask(server, actor).finally(() => asking.delete(name));
    asking.set(name, known);
    return known;
  };
}
