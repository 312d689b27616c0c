import type { SetHead, SetJudgement, SetReading, SetReadings } from '../../ports.ts';

/** What was found of a set, or of one row. `older`: it is true, and one that the set had before. */
export interface SetFinding {
  readonly name: string;
  readonly kind: 'broken' | 'older';
  readonly why: string;
  /** The row that no gateway wrote; null: it is the set. */
  readonly row: string | null;
}

/** Foreign rows that are remembered; of further ones an alarm stands all the same. */
const MOST_FOREIGN = 1_000;

/**
 * What this process knows of sets whose rows matter by being there. Every read of one is judged: by its own seals, and
 * by what was read or witnessed before. Reads may overlap: one that began before a later head was known says nothing of it.
 */
export class SetWatch implements SetReadings {
  readonly #heads = new Map<string, { readonly head: SetHead; readonly turn: number }>();
  #turn = 0;
  #listener: ((finding: SetFinding) => void) | null = null;
  /** Found before anybody listened. */
  #early: SetFinding[] = [];
  /** Sets of which something was found. */
  readonly #faults = new Set<string>();
  readonly #foreign = new Map<string, { readonly table: string; readonly row: string }>();

  /** Sets the one listener, which is told what was found before, too. */
  onFinding(listener: (finding: SetFinding) => void): void {
    this.#listener = listener;
    for (const finding of this.#early.splice(0)) listener(finding);
  }

  begin(): number {
    this.#turn += 1;
    return this.#turn;
  }

  read(turn: number, { name, head, fault }: SetReading): SetJudgement {
    const known = this.#heads.get(name);
    if (fault !== null) return this.#refuse(name, 'broken', fault);
    if (head === null) {
      return known === undefined ? 'believed' : this.#refuse(name, 'broken', `the head of the ${name} is missing`);
    }
    if (known !== undefined && isOlder(head, known.head)) {
      return turn > known.turn ? this.#refuse(name, 'older', earlierWords(name)) : 'stale';
    }
    if (known === undefined || head.version > known.head.version) this.#learn(head);
    return 'believed';
  }

  foreign(table: string, row: string, why = 'was not written by a gateway'): void {
    if (this.#foreign.size < MOST_FOREIGN) this.#foreign.set(`${table} ${row}`, { table, row });
    this.#find({ name: table, kind: 'broken', why: `a row of ${table} (${row}) ${why}`, row });
  }

  /** Something was found of this set, and no operator has accepted it since: what is missing in it may have been there. */
  isAtFault(name: string): boolean {
    return this.#faults.has(name);
  }

  /** What a witness knows. The reads that begin from now on are compared with it. */
  witnessed(heads: readonly SetHead[]): void {
    for (const head of heads) {
      const known = this.#heads.get(head.name)?.head;
      if (known?.version === head.version && isOlder(known, head)) {
        this.#refuse(head.name, 'older', earlierWords(head.name));
      }
      if (known === undefined || head.version > known.version) this.#learn(head);
    }
  }

  /** An operator has accepted the sets as they are. */
  forget(): void {
    this.#heads.clear();
    this.#faults.clear();
    this.#foreign.clear();
  }

  /** Rows that no gateway wrote, of those that were read since the last time. */
  get foreignRows(): readonly { readonly table: string; readonly row: string }[] {
    return [...this.#foreign.values()];
  }

  get heads(): readonly SetHead[] {
    return [...this.#heads.values()].map(({ head }) => head);
  }

  #learn(head: SetHead): void {
    this.#heads.set(head.name, { head, turn: this.#turn });
  }

  #refuse(name: string, kind: SetFinding['kind'], why: string): SetJudgement {
    this.#faults.add(name);
    this.#find({ name, kind, why, row: null });
    return 'refused';
  }

  #find(finding: SetFinding): void {
    if (this.#listener === null) this.#early.push(finding);
    else this.#listener(finding);
  }
}

function isOlder(head: SetHead, known: SetHead): boolean {
  return head.version < known.version || (head.version === known.version && head.digest !== known.digest);
}

function earlierWords(name: string): string {
  return `the ${name} are those of an earlier time`;
}
