import type { Book } from '../web/book.ts';
import type { LiveRules } from './live-rules.ts';

/** The config as the console may read it: nothing of addresses or credentials. */
export function consoleBook(rules: LiveRules): Book {
  return {
    servers: () =>
      [...rules.loaded.config.servers.values()].map(({ name, upstream }) => {
        return { name, kind: upstream.kind, policy: rules.policy(name) };
      }),
    grants: () => rules.loaded.config.grants,
  };
}
