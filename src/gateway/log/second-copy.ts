import type { Link } from '../../domain/log/evidence.ts';
import { stayingType } from '../../domain/log/staying.ts';

/** Problems that are listed. */
const MOST_PROBLEMS = 100;

/** What else has events of the stretch that segments hold: an export, or the database. */
export interface CopySource {
  /** `the database`, `the export`. */
  readonly name: string;
  /** Events that never leave have to be there: it is where they stay. */
  readonly keepsStaying: boolean;
  /** The next event, in the chain's order; null: there is none. */
  next(): Promise<Link | null>;
}

/**
 * Compares, while segments are read, each event that a database or an export has too with the one that the segments have in its
 * place. Both are read once, side by side: one event is in memory.
 */
export class SecondCopy {
  readonly #source: CopySource;
  readonly #problems: string[] = [];
  #further = 0;
  #held: Link | null = null;
  #begun = false;
  #compared = 0;
  #unmatched = 0;

  constructor(source: CopySource) {
    this.#source = source;
  }

  /** The event that was read and not compared: the first one behind the segments; null: there is none. */
  get held(): Link | null {
    return this.#held;
  }

  /** Events that are the same in both. */
  get compared(): number {
    return this.#compared;
  }

  /** Events in a stretch that no segment has. */
  get unmatched(): number {
    return this.#unmatched;
  }

  get problems(): readonly string[] {
    const more =
      this.#further === 0 ? [] : [`${this.#further} more events differ between ${this.#source.name} and segments`];
    return [...this.#problems, ...more];
  }

  async begin(): Promise<void> {
    if (!this.#begun) this.#held = await this.#source.next();
    this.#begun = true;
  }

  /** Whether the event of a segment in this place needs a look. */
  concerns(seq: number, text: string): boolean {
    return (
      (this.#held?.seq ?? Number.MAX_SAFE_INTEGER) <= seq || (this.#source.keepsStaying && stayingType(text) !== null)
    );
  }

  /** An event of a segment, which has a place. */
  async see({ seq, hash, text }: Link & { readonly seq: number }, segment: number): Promise<void> {
    let isThere = false;
    for (let held = this.#held; held !== null && held.seq !== null && held.seq <= seq; held = this.#held) {
      if (held.seq < seq) this.#unmatched += 1;
      else if (isThere) this.#say(`${this.#source.name} has more than one event ${seq}`);
      else {
        isThere = true;
        this.#compare(held, { seq, hash, text }, segment);
      }
      this.#held = await this.#source.next();
    }
    const type = isThere || !this.#source.keepsStaying ? null : stayingType(text);
    if (type !== null) {
      this.#say(`event ${seq} (${type}) of segment ${segment} has to stay in ${this.#source.name}, and is not there`);
    }
  }

  #compare(held: Link, { seq, hash, text }: Pick<Link, 'hash' | 'seq' | 'text'>, segment: number): void {
    const differ = [...(held.text === text ? [] : ['text']), ...(held.hash === hash ? [] : ['hash'])];
    if (differ.length > 0) {
      const what = differ.length === 1 ? `${differ[0]} differs` : 'text and hash differ';
      this.#say(`event ${seq} in ${this.#source.name} is not the one that segment ${segment} has there: its ${what}`);
    } else if (!held.agrees) {
      this.#say(
        `event ${seq} in ${this.#source.name} is filed under another type, time, actor, server, tool or grant than its text says`,
      );
    } else this.#compared += 1;
  }

  #say(problem: string): void {
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(problem);
    else this.#further += 1;
  }
}
