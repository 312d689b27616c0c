import type { ServerConfig } from '../../config/config.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { isHidden } from '../../domain/policy/rule.ts';
import { watches } from '../../gateway/tools/tool-drift.ts';
import type { ToolLists } from '../../gateway/tools/tool-lists.ts';
import type { ServerEntry } from '../../mcp/door/door.ts';
import type { Upstream } from '../../ports.ts';
import type { LiveRules } from './live-rules.ts';

interface OpenUpstream {
  readonly said: string;
  readonly upstream: Upstream;
}

/** An entry, with what it was made of: for each call the same, until a reload or a change of a tool. */
interface Made {
  readonly config: ServerConfig;
  readonly policy: Policy | null;
  readonly entry: ServerEntry;
}

/** The upstream of each configured server. One that a reload leaves as it was keeps its connections and children. */
export class Servers {
  readonly #known = new Map<string, OpenUpstream>();
  readonly #made = new Map<string, Made>();
  readonly #rules: LiveRules;
  readonly #lists: Pick<ToolLists, 'page'>;
  readonly #open: (server: ServerConfig) => Upstream;

  constructor(rules: LiveRules, lists: Pick<ToolLists, 'page'>, open: (server: ServerConfig) => Upstream) {
    this.#rules = rules;
    this.#lists = lists;
    this.#open = open;
  }

  entry(name: string): ServerEntry | undefined {
    const config = this.#rules.loaded.config.servers.get(name);
    if (config === undefined) return undefined;
    const policy = this.#rules.policy(name);
    const made = this.#made.get(name);
    if (made?.config === config && made.policy === policy) return made.entry;
    const entry = this.#entry(config, policy);
    this.#made.set(name, { config, policy, entry });
    return entry;
  }

  #entry(config: ServerConfig, policy: Policy | null): ServerEntry {
    const { name } = config;
    const drifts = policy !== null && watches(policy);
    return {
      name,
      upstream: this.#upstream(config),
      headers: config.upstream.kind === 'http' ? config.upstream.headers : {},
      isHidden: (tool, entry) => {
        if (drifts) this.#rules.tools.saw(name, entry, (policy.exact.get(tool)?.seen ?? null) !== null);
        return policy !== null && isHidden(policy, tool);
      },
      inspectsLists: drifts || (policy !== null && (policy.hidden.exact.size > 0 || policy.hidden.globs.length > 0)),
      onToolList: (page) => this.#lists.page(name, page),
    };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#known.values()].map(({ upstream }) => upstream.close()));
  }

  #upstream(config: ServerConfig): Upstream {
    const said = JSON.stringify(config.upstream);
    const known = this.#known.get(config.name);
    if (known?.said === said) return known.upstream;
    // Calls that are under way keep the old one until it is closed with the process.
    const upstream = this.#open(config);
    this.#known.set(config.name, { said, upstream });
    return upstream;
  }
}
