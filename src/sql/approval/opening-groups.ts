import type { Kysely } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { GrantRoom, NewApproval, NewJoiner, Opened, Seals } from '../../ports.ts';
import { isAboutOne } from '../connection/about-one.ts';
import type { Tables } from '../table/tables.ts';
import { openApproval } from './open.ts';
import { type GroupedOpening, openGroup } from './open-group.ts';
import { openingRow } from './opening-row.ts';

/** Calls that one statement opens at most, and the bytes of their requests. */
const MOST_CALLS = 50;
const MOST_BYTES = 256 * 1024;
/** Calls of one grant that are remembered while others wait. */
const MOST_KNOWN = 1_000;
/** Bytes from which on a call is written in steps, between which others get their turns. */
const LONG = 64 * 1024;

interface WaitingOpening {
  readonly request: NewApproval;
  readonly joiner: NewJoiner;
  readonly room: GrantRoom;
  readonly event: NewEvent;
  /** By which it can be opened with others; null: it goes alone. */
  readonly grouped: GroupedOpening | null;
  readonly settle: (opened: Opened) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Opens approvals. Openers of one grant take turns, so that they hold one connection while they wait for its lock; what
 * waits when a turn comes is opened together, as far as it can be. Nobody waits for others to come.
 */
export class OpeningGroups {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  /** Those that wait, of each grant whose turn somebody has. */
  readonly #waiting = new Map<string, WaitingOpening[]>();

  constructor(db: Kysely<Tables>, seals: Seals) {
    this.#db = db;
    this.#seals = seals;
  }

  /** As `Store.open`. */
  open(request: NewApproval, joiner: NewJoiner, room: GrantRoom, event: NewEvent): Promise<Opened> {
    const { grant } = request.approval;
    return new Promise((settle, fail) => {
      const grouped = isPlain(request)
        ? { request, joiner, row: openingRow(this.#seals, request, joiner, event) }
        : null;
      const opening = { request, joiner, room, event, grouped, settle, fail };
      const waiting = this.#waiting.get(grant);
      if (waiting !== undefined) waiting.push(opening);
      else void this.#takeTurns(grant, [opening]);
    });
  }

  async #takeTurns(grant: string, waiting: WaitingOpening[]): Promise<void> {
    const known = new Set<string>();
    this.#waiting.set(grant, waiting);
    while (waiting.length > 0) {
      const group = waiting.splice(0, groupLength(waiting));
      // Whoever joins goes the way of many steps, so the statement for new calls would only be one more.
      if (group.length === 1 && known.has(fingerprintOf(group[0]!))) await this.#openAlone(group[0]!);
      else await this.#openTogether(group);
      if (known.size > MOST_KNOWN) known.clear();
      for (const one of group) known.add(fingerprintOf(one));
    }
    this.#waiting.delete(grant);
  }

  /** Never rejects: each is told what became of it. */
  async #openTogether(group: readonly WaitingOpening[]): Promise<void> {
    const [{ room, grouped }] = group as readonly [WaitingOpening];
    if (grouped === null) return this.#openAlone(group[0]!);
    try {
      const calls = group.map((one) => one.grouped!);
      const opened = await openGroup(this.#db, this.#seals, calls, room);
      const left = group.filter((one, at) => {
        const mine = opened[at]!;
        if (mine !== null) one.settle(mine);
        return mine === null;
      });
      if (group.length === 1) for (const one of left) await this.#openAlone(one);
      else await this.#openEach(left);
    } catch (error) {
      if (group.length > 1 && isAboutOne(error)) await this.#openEach(group);
      else for (const one of group) one.fail(error);
    }
  }

  async #openEach(group: readonly WaitingOpening[]): Promise<void> {
    for (const one of group) await this.#openTogether([one]);
  }

  async #openAlone({ request, joiner, room, event, settle, fail }: WaitingOpening): Promise<void> {
    await openApproval(this.#db, this.#seals, request, joiner, room, event).then(settle, fail);
  }
}

function fingerprintOf({ request }: WaitingOpening): string {
  return request.approval.fingerprint;
}

/** Most calls are: not long, and no answer to what a server asked. */
function isPlain({ approval, leg, rounds = [], request }: NewApproval): boolean {
  return approval.answersTo === null && leg === undefined && rounds.length === 0 && request.byteLength <= LONG;
}

/** How many of the first that wait can be opened together; at least one. */
function groupLength(waiting: readonly WaitingOpening[]): number {
  const [first] = waiting as readonly [WaitingOpening];
  if (first.grouped === null) return 1;
  const room = JSON.stringify(first.room);
  const fingerprints = new Set<string>();
  let bytes = 0;
  for (const [at, { request, grouped, room: other }] of waiting.entries()) {
    bytes += request.request.byteLength;
    const own = [request.approval.fingerprint, ...request.olderFingerprints];
    const fits = grouped !== null && at < MOST_CALLS && bytes <= MOST_BYTES && JSON.stringify(other) === room;
    if (at > 0 && (!fits || own.some((one) => fingerprints.has(one)))) return at;
    for (const one of own) fingerprints.add(one);
  }
  return waiting.length;
}
