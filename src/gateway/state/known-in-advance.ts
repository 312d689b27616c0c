import type { Allowance, StandingDenial } from '../../domain/allowance/allowance.ts';
import type { Allowances, Denials, Log } from '../../ports.ts';

/** Milliseconds between two reads: every replica knows of what is given or ended within that time and the store's answer. */
const READ_EVERY_MS = 500;

/** Whose calls of which tool it is about. */
export interface AdvancePlace {
  readonly grant: string;
  readonly server: string;
  readonly tool: string;
}

/**
 * The living allowances and standing denials that this process knows of, read again twice a second. An allowance is used
 * only in a transaction that judges it exactly; this says which to try. While the store does not answer, what was known stays known.
 * Where somebody else changed the rows, nothing is allowed, and a no that was known goes on until its time is over.
 */
export class KnownInAdvance {
  readonly #allowances: Pick<Allowances, 'living'>;
  readonly #denials: Pick<Denials, 'living'>;
  readonly #log: Pick<Log, 'warn'>;
  #known: { readonly allowances: readonly Allowance[]; readonly denials: readonly StandingDenial[] } = {
    allowances: [],
    denials: [],
  };
  #begun = 0;
  #result = 0;
  /** How each allowance's tool looked when this process first knew it, where it was not known when it was given. */
  readonly #firstLooks = new Map<string, string>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #afterRead: (() => Promise<unknown>) | null = null;

  constructor(allowances: Pick<Allowances, 'living'>, denials: Pick<Denials, 'living'>, log: Pick<Log, 'warn'>) {
    this.#allowances = allowances;
    this.#denials = denials;
    this.#log = log;
  }

  get allowances(): readonly Allowance[] {
    return this.#known.allowances;
  }

  get denials(): readonly StandingDenial[] {
    return this.#known.denials;
  }

  allowancesAt(place: AdvancePlace): readonly Allowance[] {
    return this.#known.allowances.filter((one) => isAt(one, place));
  }

  denialsAt(place: AdvancePlace): readonly StandingDenial[] {
    return this.#known.denials.filter((one) => isAt(one, place));
  }

  /** How its tool looked first to this process since it lives. `now`: as it looks; null: it was not listed here. */
  firstLook({ id }: Pick<Allowance, 'id'>, now: string | null): string | null {
    const first = this.#firstLooks.get(id);
    if (first !== undefined || now === null) return first ?? null;
    this.#firstLooks.set(id, now);
    return now;
  }

  /** Reads them again. Rejects with `Unavailable('store')`. Of two reads that overlap, the one begun last counts. */
  async refresh(): Promise<void> {
    this.#begun += 1;
    const begun = this.#begun;
    const [lasting, denied] = await Promise.all([this.#allowances.living(), this.#denials.living()]);
    if (begun < this.#result) return;
    this.#result = begun;
    const allowances = lasting ?? [];
    this.#known = { allowances, denials: denied ?? this.#known.denials };
    const ids = new Set(allowances.map(({ id }) => id));
    for (const id of this.#firstLooks.keys()) if (!ids.has(id)) this.#firstLooks.delete(id);
  }

  /** The same; what fails is logged, and read half a second later. */
  async refreshSoon(): Promise<void> {
    await this.refresh().catch((error) => this.#failed(error));
  }

  /** Keeps reading. `afterRead`: what is done with it each time. */
  async start(afterRead: () => Promise<unknown>): Promise<void> {
    this.#afterRead = afterRead;
    await this.refresh();
    let running = false;
    this.#timer = setInterval(() => {
      if (running) return;
      running = true;
      void this.#turn().finally(() => {
        running = false;
      });
    }, READ_EVERY_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #turn(): Promise<void> {
    try {
      await this.refresh();
      if (this.#known.allowances.length + this.#known.denials.length > 0) await this.#afterRead?.();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#log.warn({ err: error }, 'what was given in advance could not be read again');
  }
}

function isAt(one: AdvancePlace, { grant, server, tool }: AdvancePlace): boolean {
  return one.grant === grant && one.server === server && one.tool === tool;
}
