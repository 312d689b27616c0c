import type { SetHead, SetReading, SetReadings } from '../../ports.ts';

/** What was found of a set. `older`: it is true, and one that the set had before. */
export interface SetFinding {
  readonly name: string;
  readonly kind: 'broken' | 'older';
  readonly why: string;
}

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

  /** Sets the one listener, which is told what was found before, too. */
  onFinding(listener: (finding: SetFinding) => void): void {
    this.#listener = listener;
    for (const finding of this.#early.splice(0)) listener(finding);
  }

  begin(): number {
    this.#turn += 1;
    return this.#turn;
  }

  read(turn: number, { name, head, fault }: SetReading): void {
    const known = this.#heads.get(name);
    if (fault !== null) this.#find({ name, kind: 'broken', why: fault });
    else if (head === null) {
      if (known !== undefined) this.#find({ name, kind: 'broken', why: `the head of the ${name} is missing` });
    } else if (known !== undefined && turn > known.turn && isOlder(head, known.head)) {
      this.#find({ name, kind: 'older', why: `the ${name} are those of an earlier time` });
    } else if (known === undefined || head.version > known.head.version) this.#learn(head);
  }

  /** What a witness knows. The reads that begin from now on are compared with it. */
  witnessed(heads: readonly SetHead[]): void {
    for (const head of heads) {
      const known = this.#heads.get(head.name)?.head;
      if (known?.version === head.version && isOlder(known, head)) {
        this.#find({ name: head.name, kind: 'older', why: `the ${head.name} are those of an earlier time` });
      }
      if (known === undefined || head.version > known.version) this.#learn(head);
    }
  }

  /** An operator has accepted the sets as they are. */
  forget(): void {
    this.#heads.clear();
  }

  get heads(): readonly SetHead[] {
    return [...this.#heads.values()].map(({ head }) => head);
  }

  #learn(head: SetHead): void {
    this.#heads.set(head.name, { head, turn: this.#turn });
  }

  #find(finding: SetFinding): void {
    if (this.#listener === null) this.#early.push(finding);
    else this.#listener(finding);
  }
}

function isOlder(head: SetHead, known: SetHead): boolean {
  return head.version < known.version || (head.version === known.version && head.digest !== known.digest);
}
