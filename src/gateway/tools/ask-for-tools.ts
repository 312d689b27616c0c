import type { Gateway } from '../gateway.ts';

/** What came of asking a server for its tools. */
export type ServerSaid =
  | { readonly kind: 'listed'; readonly count: number }
  /** In words; may hold the server's own. */
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'unknown' };

/** Asks a server of the config for its tools, and has the answer known. Bounded in time, never throws. */
export type AskServer = (server: string, actor: string) => Promise<ServerSaid>;

/** The same for a reviewer: that it was asked, and by whom, is in the log before it is. */
export async function askForTools(
  gateway: Pick<Gateway, 'clock' | 'journal' | 'store'>,
  ask: AskServer,
  server: string,
  actor: string,
): Promise<ServerSaid> {
  const { store, clock } = gateway;
  const nothing = { approval: null, tool: null, grant: null };
  const data = { what: 'tools/list', asked: true };
  await store.append([{ ...nothing, type: 'admin.read', at: clock.now(), actor, server, data }]);
  const said = await ask(server, actor);
  // The list is an event of its own: a page that is read next finds it.
  await gateway.journal.flush();
  return said;
}
