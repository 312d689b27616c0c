import type { Json } from '../../domain/json/json.ts';
import { mayDrift, type Policy } from '../../domain/policy/policy.ts';
import { changesOf, type SeenTool, type ToolChange } from '../../domain/tool/drift.ts';
import { toolOf } from '../../domain/tool/tool.ts';
import type { ToolDigests } from './tool-lists.ts';

/** How many tools of one server are remembered that its policy has not seen. */
const MAX_TOOLS = 10_000;

interface LiveServer {
  readonly tools: Map<string, SeenTool>;
  /** The last policy that was judged and the result, until the policy or a tool changes. */
  judged: { readonly from: Policy; readonly policy: Policy } | null;
}

/**
 * Each server's tools as the lists that pass through this process show them. In memory: each replica learns for itself.
 */
export class ToolDrift {
  readonly #servers = new Map<string, LiveServer>();
  readonly #seenNow: ToolDigests['seenNow'];

  constructor(seenNow: ToolDigests['seenNow']) {
    this.#seenNow = seenNow;
  }

  /**
   * Takes one entry of a `tools/list` answer. `inPolicy`: the policy has seen this tool, so it is kept beyond the
   * maximum.
   */
  observe(server: string, entry: Json, inPolicy = false): void {
    const tool = toolOf(entry);
    if (tool === null) return;
    const live = this.#servers.get(server) ?? { tools: new Map(), judged: null };
    this.#servers.set(server, live);
    const [before, now] = [live.tools.get(tool.name), this.#seenNow(tool)];
    if (before === undefined ? !inPolicy && live.tools.size >= MAX_TOOLS : changesOf(before, now).length === 0) return;
    live.tools.set(tool.name, now);
    live.judged = null;
  }

  /** The policy, extended by the tools that no longer look as the policy has seen them. */
  judge(server: string, policy: Policy): Policy {
    const live = this.#servers.get(server);
    if (live === undefined) return policy;
    if (live.judged?.from !== policy) live.judged = { from: policy, policy: withDrift(policy, live.tools) };
    return live.judged.policy;
  }
}

function withDrift(policy: Policy, tools: ReadonlyMap<string, SeenTool>): Policy {
  const drifted = new Map<string, readonly ToolChange[]>();
  for (const rule of policy.exact.values()) {
    const live = tools.get(rule.key);
    const changes = rule.seen === null || live === undefined ? [] : changesOf(rule.seen, live);
    if (changes.length > 0) drifted.set(rule.key, changes);
  }
  return drifted.size === 0 ? policy : { ...policy, drifted };
}

const WATCHES_DRIFT = new WeakMap<Policy, boolean>();

/** Whether a policy acts on drift, so that lists of tools must be read. */
export function watchesDrift(policy: Policy): boolean {
  const known = WATCHES_DRIFT.get(policy);
  if (known !== undefined) return known;
  const found = [...policy.exact.values()].some((rule) => mayDrift(rule, 'ask') || mayDrift(rule, 'deny'));
  WATCHES_DRIFT.set(policy, found);
  return found;
}
