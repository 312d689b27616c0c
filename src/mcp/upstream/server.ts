import type { Json, JsonObject } from '../../domain/json/json.ts';
import type { ListPage } from '../../gateway/tools/tool-lists.ts';
import type { Upstream } from '../../ports.ts';

/** An upstream server as it is configured now. */
export interface ServerEntry {
  readonly name: string;
  readonly upstream: Upstream;
  /** The configured headers, which are set on every request to it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether its policy hides this tool from lists. */
  readonly isHidden: IsToolHidden;
  /** Whether its policy hides any tool, or has to see the lists. False: lists are forwarded without being read. */
  readonly inspectsLists: boolean;
  /** Whether its policy denies what this entry lists. Absent: it denies no resource and no prompt. */
  readonly isDenied?: IsEntryDenied;
  /** Called for each page of its list of tools that is forwarded, as the server sent it, hidden tools included. */
  readonly onToolList?: (page: ListPage) => void;
}

/**
 * Called for each tool of each list, with the tool's whole entry. `again`: the list has named this tool before, or may
 * have on an earlier page.
 */
export type IsToolHidden = (tool: string, entry: JsonObject, again: boolean) => boolean;

/** The lists whose entries a policy may deny, by their member in the answer. */
export type GovernedList = 'prompts' | 'resources' | 'resourceTemplates';

/** Called for each entry of each of these lists. An entry that does not name what it lists counts as denied. */
export type IsEntryDenied = (list: GovernedList, entry: Json) => boolean;
