import type { ServerConfig } from '../../config/config.ts';
import type { AskServer } from '../../gateway/tools/ask-for-tools.ts';
import type { ToolLists } from '../../gateway/tools/tool-lists.ts';
import type { LiveRules } from '../rules/live-rules.ts';
import type { ToolListing } from '../upstream/list-tools.ts';

/** Milliseconds that a server has to list its tools. */
const LIST_MS = 15_000;
/** Longest reason for a failure that is shown, in UTF-16 units. */
const LONGEST_WHY = 500;

/** Asks a server for its tools when a reviewer wants it. Reviewers who ask meanwhile share the answer. */
export function askServer(
  rules: Pick<LiveRules, 'loaded'>,
  lists: Pick<ToolLists, 'listed'>,
  listTools: (server: ServerConfig, timeoutMs: number) => Promise<ToolListing>,
): AskServer {
  const asking = new Map<string, ReturnType<AskServer>>();
  const ask = async (server: ServerConfig, actor: string): ReturnType<AskServer> => {
    const listing = await listTools(server, LIST_MS);
    if (!listing.ok) return { kind: 'failed', why: listing.why.slice(0, LONGEST_WHY) };
    await lists.listed(server.name, listing.tools, actor);
    return { kind: 'listed', count: listing.tools.length };
  };
  return (name, actor) => {
    const server = rules.loaded.config.servers.get(name);
    if (server === undefined) return Promise.resolve({ kind: 'unknown' });
    const answer = asking.get(name) ?? ask(server, actor).finally(() => asking.delete(name));
    asking.set(name, answer);
    return answer;
  };
}
