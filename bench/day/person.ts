/** The careful person's rules, as docs/day.md tells them. No clock and no network: what is seen goes in, what is done comes out. */

/** A call that waits, as the inbox shows it. */
export interface Waiting {
  readonly id: string;
  readonly revision: number;
  readonly fingerprint: string;
  readonly grant: string;
  readonly server: string;
  readonly tool: string;
  readonly risk: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly mayAllow: { readonly minutes: number; readonly calls: number; readonly mayVary: readonly string[] } | null;
}

export interface Look {
  /** The number of the look today, from 0. */
  readonly nth: number;
  readonly isLast: boolean;
  /** Minutes that an allowance given now should live, and a standing denial. */
  readonly minutes: number;
  readonly denyMinutes: number;
}

/** One action of a person: one submitted form, or one button. */
export type Act =
  | { readonly kind: 'allowance'; readonly item: Waiting; readonly minutes: number; readonly calls: number }
  | { readonly kind: 'approve'; readonly item: Waiting }
  | { readonly kind: 'deny'; readonly item: Waiting }
  | { readonly kind: 'standing denial'; readonly item: Waiting; readonly minutes: number }
  | { readonly kind: 'batch approved' | 'batch denied'; readonly items: readonly Waiting[] };

/** What is decided one by one or in a batch, never in advance, and may wait for every other look. */
const NO_HURRY = new Set(['financial', 'destructive']);

/** As many as one batch takes. */
const MOST_TOGETHER = 25;

export class CarefulPerson {
  /** Which arguments may vary, by agent and tool, as the allowances that were offered said. */
  readonly #mayVary = new Map<string, readonly string[]>();
  /** A good call by agent and tool, to tell what a standing denial would hit. */
  readonly #good = new Map<string, Waiting>();
  readonly #refused: Waiting[] = [];
  /** Whether a person who reads this call in full would let it run. */
  readonly #isBad: (item: Waiting) => boolean;

  constructor(isBad: (item: Waiting) => boolean) {
    this.#isBad = isBad;
  }

  /** What this person does at one look. `allowed`: agent and tool of the allowances that live. */
  look(waiting: readonly Waiting[], allowed: ReadonlySet<string>, now: Look): Act[] {
    const bad = waiting.filter(this.#isBad);
    const good = waiting.filter((item) => !this.#isBad(item) && !this.#canWait(item, now));
    for (const item of good) {
      this.#good.set(kindOf(item), item);
      if (item.mayAllow !== null) this.#mayVary.set(kindOf(item), item.mayAllow.mayVary);
    }
    return [...this.#refuse(bad, now), ...grouped(good).flatMap((alike) => this.#letRun(alike, allowed, now))];
  }

  #canWait({ risk }: Waiting, { nth, isLast }: Look): boolean {
    return NO_HURRY.has(risk) && nth % 2 === 0 && !isLast;
  }

  /** All that is bad in one batch; what comes again after a no, and is unlike anything good, is refused in advance. */
  #refuse(bad: readonly Waiting[], now: Look): Act[] {
    const again = bad.filter((item) => this.#comesAgain(item));
    const first = bad.filter((item) => !again.includes(item));
    this.#refused.push(...bad);
    const acts = again.map((item): Act => ({ kind: 'standing denial', item, minutes: now.denyMinutes }));
    return [...acts, ...together(first, 'deny', 'batch denied')];
  }

  /** A standing denial covers whatever may vary. It is given only where a good call differs in something that may not. */
  #comesAgain(item: Waiting): boolean {
    const [mayVary, good] = [this.#mayVary.get(kindOf(item)), this.#good.get(kindOf(item))];
    if (mayVary === undefined || good === undefined) return false;
    const like = fixed(item, mayVary);
    return (
      fixed(good, mayVary) !== like &&
      this.#refused.some((it) => kindOf(it) === kindOf(item) && fixed(it, mayVary) === like)
    );
  }

  /** Calls of one agent to one tool, all of which may run: an allowance with the first, if none lives, and a batch of the others. */
  #letRun(alike: readonly Waiting[], allowed: ReadonlySet<string>, now: Look): Act[] {
    const acts: Act[] = [];
    const first = alike.find(({ mayAllow }) => mayAllow !== null);
    const gives = first?.mayAllow && !now.isLast && !allowed.has(kindOf(first));
    if (gives) {
      const { minutes, calls } = first.mayAllow;
      acts.push({ kind: 'allowance', item: first, minutes: Math.min(minutes, now.minutes), calls });
    }
    const others = gives ? alike.filter((item) => item !== first) : alike;
    return [...acts, ...together(others, 'approve', 'batch approved')];
  }
}

/** In as few forms as they fit into; one call needs no batch. */
function together(
  items: readonly Waiting[],
  one: 'approve' | 'deny',
  several: 'batch approved' | 'batch denied',
): Act[] {
  const acts: Act[] = [];
  for (let n = 0; n < items.length; n += MOST_TOGETHER) {
    const part = items.slice(n, n + MOST_TOGETHER);
    acts.push(part.length === 1 ? { kind: one, item: part[0]! } : { kind: several, items: part });
  }
  return acts;
}

export function kindOf({ grant, server, tool }: Pick<Waiting, 'grant' | 'server' | 'tool'>): string {
  return `${grant} ${server}.${tool}`;
}

/** What does not vary of its arguments. */
function fixed({ arguments: args }: Waiting, mayVary: readonly string[]): string {
  const rest = Object.entries(args).filter(([name]) => !mayVary.includes(`args.${name}`));
  return JSON.stringify(rest.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function grouped(items: readonly Waiting[]): Waiting[][] {
  return [...Map.groupBy(items, kindOf).values()];
}
