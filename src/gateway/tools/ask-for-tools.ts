import type { Gateway } from '../gateway.ts';

/** The result of asking a server for its tools. */
export type ToolsAnswer =
  | { readonly kind: 'listed'; readonly count: number }
  /** `why`: in words, which may include the server's own. */
  | { readonly kind: 'failed'; readonly why: string }
  /** There is no such server. */
  | { readonly kind: 'unknown' };

/** Asks a configured server for its tools and records the list. Takes a bounded time; never rejects. */
export type AskServer = (server: string, actor: string) => Promise<ToolsAnswer>;

/** The same for a reviewer: who asked is logged before the server is asked. */
export async function askForTools(
  gateway: Pick<Gateway, 'clock' | 'journal' | 'store'>,
  ask: AskServer,
  server: string,
  actor: string,
): Promise<ToolsAnswer> {
  const { store, clock } = gateway;
  const nothing = { approval: null, tool: null, grant: null };
  const data = { what: 'tools/list', asked: true };
  await store.append([{ ...nothing, type: 'admin.read', at: clock.now(), actor, server, data }]);
  const answer = await ask(server, actor);
  // The list is an event of its own, and the page that is read next must find it.
  await gateway.journal.flush();
  return answer;
}
