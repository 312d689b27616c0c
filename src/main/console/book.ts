import type { ToolLists } from '../../gateway/tools/tool-lists.ts';
import type { Book } from '../../web/pages/book.ts';
import type { LiveRules } from '../rules/live-rules.ts';

/** The config as the console may see it, without addresses and credentials. */
export function consoleBook(rules: LiveRules, lists: Pick<ToolLists, 'seenAt'>): Book {
  return {
    servers: () =>
      [...rules.loaded.config.servers.values()].map(({ name, upstream }) => {
        return { name, kind: upstream.kind, policy: rules.policy(name), listedAt: lists.seenAt(name) };
      }),
    grants: () => rules.loaded.config.grants,
  };
}
