import type { ServerConfig } from '../../config/config.ts';
import { type Json, member } from '../../domain/json/json.ts';
import { isDeniedPrompt, isDeniedResource } from '../../domain/policy/judge-method.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { isHidden } from '../../domain/policy/rule.ts';
import { mayDeny } from '../../domain/policy/section.ts';
import { watchesDrift } from '../../gateway/tools/tool-drift.ts';
import type { ToolLists } from '../../gateway/tools/tool-lists.ts';
import type { ServerEntry } from '../../mcp/door/door.ts';
import type { IsEntryDenied } from '../../mcp/upstream/server.ts';
import type { Upstream } from '../../ports.ts';
import type { LiveRules } from './live-rules.ts';

/** An open upstream. `configText`: the config that it was opened with, as JSON. */
interface OpenUpstream {
  readonly configText: string;
  readonly upstream: Upstream;
}

/** An entry with what it was made of: the same for every call until a reload or a change of a tool. */
interface CachedEntry {
  readonly config: ServerConfig;
  readonly policy: Policy | null;
  readonly entry: ServerEntry;
}

/**
 * The configured servers with their upstreams. A server that a reload leaves unchanged keeps its connections and
 * children.
 */
export class Servers {
  readonly #upstreams = new Map<string, OpenUpstream>();
  /** Those that a reload replaced, each with its server's name: calls that were under way keep them. */
  readonly #replaced: (readonly [string, Upstream])[] = [];
  readonly #entries = new Map<string, CachedEntry>();
  readonly #rules: LiveRules;
  readonly #lists: Pick<ToolLists, 'page'>;
  readonly #open: (server: ServerConfig) => Upstream;

  constructor(rules: LiveRules, lists: Pick<ToolLists, 'page'>, open: (server: ServerConfig) => Upstream) {
    this.#rules = rules;
    this.#lists = lists;
    this.#open = open;
  }

  /** undefined: no such server is configured. */
  entry(name: string): ServerEntry | undefined {
    const config = this.#rules.loaded.config.servers.get(name);
    if (config === undefined) return undefined;
    const policy = this.#rules.policy(name);
    const cached = this.#entries.get(name);
    if (cached?.config === config && cached.policy === policy) return cached.entry;
    const entry = this.#entry(config, policy);
    this.#entries.set(name, { config, policy, entry });
    return entry;
  }

  #entry(config: ServerConfig, policy: Policy | null): ServerEntry {
    const { name } = config;
    const drifts = policy !== null && watchesDrift(policy);
    const isDenied = policy === null ? null : entryDenial(policy);
    return {
      name,
      upstream: this.#upstream(config),
      headers: config.upstream.kind === 'http' ? config.upstream.headers : {},
      isHidden: (tool, entry, again) => {
        const rule = drifts ? policy.exact.get(tool) : undefined;
        const inPolicy = rule !== undefined && (rule.seen !== null || (rule.ask.allowance ?? null) !== null);
        if (drifts) this.#rules.tools.observe(name, entry, { inPolicy, again });
        return policy !== null && isHidden(policy, tool);
      },
      inspectsLists:
        drifts ||
        isDenied !== null ||
        (policy !== null && (policy.hidden.exact.size > 0 || policy.hidden.globs.length > 0)),
      ...(isDenied && { isDenied }),
      onToolList: (page) => this.#lists.page(name, page),
    };
  }

  /** Ends what servers keep for grants that may no longer call them. */
  keepGrants(keeps: (grant: string, server: string) => boolean): void {
    for (const [name, upstream] of this.#all()) upstream.keepGrants?.((grant) => keeps(grant, name));
  }

  /** Closes every upstream; never rejects. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#all().map(([, upstream]) => upstream.close()));
  }

  #all(): (readonly [string, Upstream])[] {
    return [...this.#replaced, ...[...this.#upstreams].map(([name, { upstream }]) => [name, upstream] as const)];
  }

  #upstream(config: ServerConfig): Upstream {
    const configText = JSON.stringify(config.upstream);
    const open = this.#upstreams.get(config.name);
    if (open?.configText === configText) return open.upstream;
    // Calls that are under way keep the old upstream, which is not closed before the process ends.
    if (open !== undefined) this.#replaced.push([config.name, open.upstream]);
    const upstream = this.#open(config);
    this.#upstreams.set(config.name, { configText, upstream });
    return upstream;
  }
}

/** Which entries of lists the policy denies; null: it denies none. */
function entryDenial(policy: Policy): IsEntryDenied | null {
  if (policy.mode === 'watch') return null;
  const { resources, prompts } = policy.sections;
  const fileDefault = policy.default === 'allow' ? 'allow' : 'deny';
  const denies = { resources: mayDeny(resources, fileDefault), prompts: mayDeny(prompts, fileDefault) };
  if (!denies.resources && !denies.prompts) return null;
  return (list, entry) => {
    if (list === 'prompts')
      return denies.prompts && isOut(member(entry, 'name'), (name) => isDeniedPrompt(policy, name));
    const uri = member(entry, list === 'resources' ? 'uri' : 'uriTemplate');
    return denies.resources && isOut(uri, (text) => isDeniedResource(policy, text));
  };
}

/** What is not named cannot be judged, so it is left out. */
function isOut(name: Json | undefined, isDenied: (name: string) => boolean): boolean {
  return typeof name !== 'string' || isDenied(name);
}
