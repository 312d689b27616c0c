import type { Json } from '../../domain/json/json.ts';
import { mayDrift, type Policy } from '../../domain/policy/policy.ts';
import { changesOf, type SeenTool, type ToolChange } from '../../domain/tool/drift.ts';
import { toolOf } from '../../domain/tool/tool.ts';
import type { ToolDigests } from './tool-lists.ts';

/** Tools of one server that are remembered though its policy has not seen them; a list that goes on beyond this is no list. */
const MOST = 10_000;

interface Live {
  readonly tools: Map<string, SeenTool>;
  /** The policy as it was last judged, until it or a tool changes. */
  judged: { readonly from: Policy; readonly policy: Policy } | null;
}

/** What the lists that pass through this process say of each server's tools. In memory: each replica learns for itself. */
export class ToolDrift {
  readonly #servers = new Map<string, Live>();
  readonly #seenNow: ToolDigests['seenNow'];

  constructor(seenNow: ToolDigests['seenNow']) {
    this.#seenNow = seenNow;
  }

  /** One entry of a `tools/list` answer. `matters`: policy has seen this tool, so that it is never too many. */
  saw(server: string, entry: Json, matters = false): void {
    const tool = toolOf(entry);
    if (tool === null) return;
    const live = this.#servers.get(server) ?? { tools: new Map(), judged: null };
    this.#servers.set(server, live);
    const [was, is] = [live.tools.get(tool.name), this.#seenNow(tool)];
    if (was === undefined ? !matters && live.tools.size >= MOST : changesOf(was, is).length === 0) return;
    live.tools.set(tool.name, is);
    live.judged = null;
  }

  /** The policy, with the tools that are no longer as it has seen them. */
  judge(server: string, policy: Policy): Policy {
    const live = this.#servers.get(server);
    if (live === undefined) return policy;
    if (live.judged?.from !== policy) live.judged = { from: policy, policy: judged(policy, live.tools) };
    return live.judged.policy;
  }
}

function judged(policy: Policy, tools: ReadonlyMap<string, SeenTool>): Policy {
  const drifted = new Map<string, readonly ToolChange[]>();
  for (const rule of policy.exact.values()) {
    const live = tools.get(rule.key);
    const changes = rule.seen === null || live === undefined ? [] : changesOf(rule.seen, live);
    if (changes.length > 0) drifted.set(rule.key, changes);
  }
  return drifted.size === 0 ? policy : { ...policy, drifted };
}

const WATCHES = new WeakMap<Policy, boolean>();

/** Whether a policy acts on drift, so that lists must be looked through. */
export function watches(policy: Policy): boolean {
  const known = WATCHES.get(policy);
  if (known !== undefined) return known;
  const found = [...policy.exact.values()].some((rule) => mayDrift(rule, 'ask') || mayDrift(rule, 'deny'));
  WATCHES.set(policy, found);
  return found;
}
