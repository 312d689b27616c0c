import type { Json } from '../../domain/json/json.ts';
import { mayDrift, type Policy, type ToolRule } from '../../domain/policy/policy.ts';
import { changesOf, type SeenTool, type ToolChange } from '../../domain/tool/drift.ts';
import { toolOf } from '../../domain/tool/tool.ts';
import type { ToolDigests } from './tool-lists.ts';

/** How many tools of one server are remembered that its policy has not seen. */
const MAX_TOOLS = 10_000;
/** How many looks of one tool in one list are remembered. */
const MOST_LOOKS = 8;

interface LiveServer {
  /** How each tool looks. A server may list a tool more than once, and an agent may believe any of its entries. */
  readonly tools: Map<string, readonly SeenTool[]>;
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
   * maximum. `again`: the same list may have named it before, so this look does not take the place of that one.
   */
  observe(server: string, entry: Json, { inPolicy = false, again = false } = {}): void {
    const tool = toolOf(entry);
    if (tool === null) return;
    const live = this.#servers.get(server) ?? { tools: new Map(), judged: null };
    this.#servers.set(server, live);
    const [before, now] = [live.tools.get(tool.name), this.#seenNow(tool)];
    const isKnown = before?.some((look: SeenTool) => changesOf(look, now).length === 0) === true;
    if (before === undefined ? !inPolicy && live.tools.size >= MAX_TOOLS : isKnown && (again || before.length === 1))
      return;
    // A first entry tells how the tool looks; what the same list says of it later is added to that.
    live.tools.set(tool.name, again && before !== undefined ? [...before.slice(0, MOST_LOOKS - 1), now] : [now]);
    live.judged = null;
  }

  /** How the tool looks, in every entry of the last list, as one text; null: no list had it. */
  looks(server: string, tool: string): string | null {
    const looks = this.#servers.get(server)?.tools.get(tool);
    return looks === undefined ? null : JSON.stringify(looks.map(lookText).toSorted());
  }

  /** The policy, extended by the tools that no longer look as the policy has seen them. */
  judge(server: string, policy: Policy): Policy {
    const live = this.#servers.get(server);
    if (live === undefined) return policy;
    if (live.judged?.from !== policy) live.judged = { from: policy, policy: withDrift(policy, live.tools) };
    return live.judged.policy;
  }
}

function lookText({ description, schema, annotations }: SeenTool): string {
  return JSON.stringify([description, schema, Object.entries(annotations).toSorted()]);
}

function withDrift(policy: Policy, tools: ReadonlyMap<string, readonly SeenTool[]>): Policy {
  const drifted = new Map<string, readonly ToolChange[]>();
  for (const rule of policy.exact.values()) {
    const { seen } = rule;
    if (seen === null) continue;
    const changes = new Set(tools.get(rule.key)?.flatMap((look) => changesOf(seen, look)));
    if (changes.size > 0) drifted.set(rule.key, [...changes]);
  }
  return drifted.size === 0 ? policy : { ...policy, drifted };
}

function asks({ action, askIf }: ToolRule): boolean {
  return action === 'require_approval' || askIf.length > 0;
}

const WATCHES_DRIFT = new WeakMap<Policy, boolean>();

/**
 * Whether a policy acts on drift, or offers allowances, which end with it, or asks about a tool that it has seen, of which
 * the card then says that it changed: then lists of tools must be read.
 */
export function watchesDrift(policy: Policy): boolean {
  const known = WATCHES_DRIFT.get(policy);
  if (known !== undefined) return known;
  const rules = [...policy.exact.values()];
  const found =
    rules.some((rule) => mayDrift(rule, 'ask') || mayDrift(rule, 'deny') || (rule.seen !== null && asks(rule))) ||
    [...rules, ...policy.globs.map(({ rule }) => rule)].some(({ ask }) => (ask.allowance ?? null) !== null);
  WATCHES_DRIFT.set(policy, found);
  return found;
}
