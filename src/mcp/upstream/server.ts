import type { JsonObject } from '../../domain/json/json.ts';
import type { ListPage } from '../../gateway/tools/tool-lists.ts';
import type { Upstream } from '../../ports.ts';

/** An upstream server, as the config names it. */
export interface ServerEntry {
  readonly name: string;
  readonly upstream: Upstream;
  /** The config's headers, put on every request to it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether its policy hides this tool from lists. Asked for each tool of each list, with its entry. */
  readonly hidden: Hidden;
  /** Whether its policy hides any, or wants to see them; false lets answers through without a look. */
  readonly hides: boolean;
  /** Hears each page of its own list of tools as it passes, hidden ones with the others. */
  readonly listed?: (page: ListPage) => void;
}

/** Asked for each tool of each list, with its whole entry. */
export type Hidden = (tool: string, entry: JsonObject) => boolean;
