/** A place that votes fill: so many people of a group. `group` null: of anybody who may approve. */
export interface NeededPlace {
  readonly group: string | null;
  readonly count: number;
}

/** One membership by which a person may fill a place. */
export interface Claim {
  /** The group whose places it fills; null: any place. */
  readonly group: string | null;
  /** Whose membership it is: their own, or that of the one they stand in for. It fills one place of the group. */
  readonly seat: string;
}

/** One who approved. Several votes of one person are one. */
export interface Voter {
  readonly person: string;
  readonly claims: readonly Claim[];
}

/**
 * How many of each place's people are there, in the order of the places: as many as possible at all. One person fills one
 * place, and one membership of a group fills one place, however many stand in for it. Whoever could fill several is put
 * where they are needed. The same votes in the same order always give the same answer: who came first goes to the first
 * place that takes them, and is moved when another one needs it.
 *
 * A maximum flow: a person → their memberships → places, each edge good for one (Ford and Fulkerson). V votes with C
 * claims each and P places cost at most V · (V·C·P) steps; P is at most 20.
 */
export function fillPlaces(places: readonly NeededPlace[], voters: readonly Voter[]): readonly number[] {
  const claims = claimsByPerson(voters);
  const seats = [...new Map([...claims.values()].flat().map((claim) => [keyOf(claim), claim])).entries()];
  const graph = new Flow();
  for (const [person, own] of claims) {
    for (const claim of own) graph.join(`person ${person}`, `in ${keyOf(claim)}`);
  }
  for (const [key, { group }] of seats) {
    graph.join(`in ${key}`, `out ${key}`);
    for (const [n, place] of places.entries())
      if (group === null || group === place.group) graph.join(`out ${key}`, `place ${n}`);
  }
  const filled = places.map(() => 0);
  for (const person of claims.keys()) {
    const reached = graph.push(`person ${person}`, (node) => {
      const n = node.startsWith('place ') ? Number(node.slice(6)) : null;
      return n !== null && filled[n]! < places[n]!.count;
    });
    if (reached !== null) filled[Number(reached.slice(6))]! += 1;
  }
  return filled;
}

function claimsByPerson(voters: readonly Voter[]): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>();
  for (const { person, claims: own } of voters) claims.set(person, [...(claims.get(person) ?? []), ...own]);
  return claims;
}

function keyOf({ group, seat }: Claim): string {
  return JSON.stringify([group, seat]);
}

/** Edges that are good for one each. */
class Flow {
  /** To which nodes there is still a way, from each, in the order in which they were joined. */
  readonly #ways = new Map<string, Set<string>>();

  join(from: string, to: string): void {
    this.#from(from).add(to);
  }

  /** Sends one along the shortest way to a node that takes it, turning back what was sent before. null: there is none. */
  push(from: string, takes: (node: string) => boolean): string | null {
    const cameFrom = new Map<string, string | null>([[from, null]]);
    for (const node of cameFrom.keys()) {
      if (takes(node)) {
        this.#turn(node, cameFrom);
        return node;
      }
      for (const next of this.#from(node)) if (!cameFrom.has(next)) cameFrom.set(next, node);
    }
    return null;
  }

  #turn(end: string, cameFrom: ReadonlyMap<string, string | null>): void {
    for (let to = end, from = cameFrom.get(to); from; to = from, from = cameFrom.get(to)) {
      this.#from(from).delete(to);
      this.#from(to).add(from);
    }
  }

  #from(node: string): Set<string> {
    const known = this.#ways.get(node);
    if (known !== undefined) return known;
    const made = new Set<string>();
    this.#ways.set(node, made);
    return made;
  }
}
