import type { Kysely } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { GrantRoom, NewApproval, NewJoiner, Opened, Seals } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import { isAboutOne } from '../connection/about-one.ts';
import type { Tables } from '../table/tables.ts';
import { KnownLoads } from './known-loads.ts';
import { openApproval } from './open.ts';
import { type GroupedOpening, openGroup } from './open-group.ts';
import { openingRow } from './opening-row.ts';

/** Calls that one statement opens at most, and the bytes of their requests. */
const MOST_CALLS = 50;
const MOST_BYTES = 256 * 1024;
/** Calls of one grant that wait for their turn, and the bytes of their requests. */
const MOST_WAITING = 2_000;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
/** Calls of one grant that are remembered while others wait. */
const MOST_KNOWN = 1_000;
/** Turns of the process that calls on their way get before the next group. */
const MOST_TURNS = 8;
/** Bytes from which on a call is written in steps, between which others get their turns. */
const LONG = 64 * 1024;

interface WaitingOpening {
  readonly request: NewApproval;
  readonly joiner: NewJoiner;
  readonly room: GrantRoom;
  readonly event: NewEvent;
  /** It can be opened with others. */
  readonly plain: boolean;
  readonly settle: (opened: Opened) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Opens approvals. Openers of one grant take turns, so that they hold one connection while they wait for its lock; what
 * waits when a turn comes is opened together, as far as it can be. Nobody waits for others to come. Where the database
 * fails, all that wait fail with whoever had the turn: each would wait as long.
 */
export class OpeningGroups {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  /** Those that wait, of each grant whose turn somebody has. */
  readonly #waiting = new Map<string, WaitingLine>();
  readonly #loads = new KnownLoads();

  constructor(db: Kysely<Tables>, seals: Seals) {
    this.#db = db;
    this.#seals = seals;
  }

  /** As `Store.open`. */
  open(request: NewApproval, joiner: NewJoiner, room: GrantRoom, event: NewEvent): Promise<Opened> {
    const { grant } = request.approval;
    return new Promise((settle, fail) => {
      const opening = { request, joiner, room, event, plain: isPlain(request), settle, fail };
      const line = this.#waiting.get(grant);
      if (line === undefined) return void this.#takeTurns(grant, { waiting: [opening], bytes: bytesOf(opening) });
      const { waiting, bytes } = line;
      if (waiting.length >= MOST_WAITING) return settle({ kind: 'overjoined', of: 'grant', most: MOST_WAITING });
      const asked = bytesOf(opening);
      if (bytes + asked > MOST_WAITING_BYTES) {
        return settle({ kind: 'heavy', kept: bytes, asked, most: MOST_WAITING_BYTES });
      }
      waiting.push(opening);
      line.bytes += asked;
    });
  }

  async #takeTurns(grant: string, line: WaitingLine): Promise<void> {
    const known = new Set<string>();
    const { waiting } = line;
    this.#waiting.set(grant, line);
    while (waiting.length > 0) {
      const group = waiting.splice(0, groupLength(waiting));
      for (const one of group) line.bytes -= bytesOf(one);
      // Whoever joins goes the way of many steps, so the statement for new calls would only be one more.
      const isKnown = group.length === 1 && known.has(fingerprintOf(group[0]!));
      const fault = isKnown ? await this.#openAlone(group[0]!) : await this.#openTogether(group);
      if (fault !== null && !isAboutOne(fault)) {
        line.bytes = 0;
        for (const one of waiting.splice(0)) one.fail(fault);
      }
      if (known.size > MOST_KNOWN) known.clear();
      for (const one of group) known.add(fingerprintOf(one));
      if (group.length > 1) await untilNoneComes(waiting);
    }
    this.#waiting.delete(grant);
  }

  /** Never rejects: each is told what became of it. Returns the fault with which the last of them failed; null: none did. */
  async #openTogether(group: readonly WaitingOpening[]): Promise<unknown> {
    const [{ room, plain }] = group as readonly [WaitingOpening];
    if (!plain) return this.#openAlone(group[0]!);
    try {
      const calls = group.map((one) => this.#grouped(one));
      const opened = await openGroup(this.#db, this.#seals, calls, room, this.#loads);
      const left = group.filter((one, at) => {
        const mine = opened[at]!;
        if (mine !== null) one.settle(mine);
        return mine === null;
      });
      return await (group.length === 1 ? this.#alone(left) : this.#openEach(left));
    } catch (error) {
      if (group.length > 1 && isAboutOne(error)) return this.#openEach(group);
      for (const one of group) one.fail(error);
      return error;
    }
  }

  async #alone(group: readonly WaitingOpening[]): Promise<unknown> {
    const [one] = group;
    return one === undefined ? null : this.#openAlone(one);
  }

  /** One after the other; those behind a fault of the database fail with it. */
  async #openEach(group: readonly WaitingOpening[]): Promise<unknown> {
    for (const [at, one] of group.entries()) {
      const fault = await this.#openTogether([one]);
      if (fault === null || isAboutOne(fault)) continue;
      for (const behind of group.slice(at + 1)) behind.fail(fault);
      return fault;
    }
    return null;
  }

  async #openAlone({ request, joiner, room, event, settle, fail }: WaitingOpening): Promise<unknown> {
    try {
      settle(await openApproval(this.#db, this.#seals, request, joiner, room, event, this.#loads));
      return null;
    } catch (error) {
      fail(error);
      return error;
    }
  }

  /** Its row is made when its turn has come: until then it may be refused, and it would be in memory twice. */
  #grouped({ request, joiner, event }: WaitingOpening): GroupedOpening {
    return { request, joiner, row: openingRow(this.#seals, request, joiner, event) };
  }
}

/** Those of one grant that wait, and the bytes of their requests. */
interface WaitingLine {
  readonly waiting: WaitingOpening[];
  bytes: number;
}

function bytesOf({ request }: WaitingOpening): number {
  return request.request.byteLength;
}

function fingerprintOf({ request }: WaitingOpening): string {
  return request.approval.fingerprint;
}

/** Most calls are: not long, and no answer to what a server asked. */
function isPlain({ approval, leg, rounds = [], request }: NewApproval): boolean {
  return approval.answersTo === null && leg === undefined && rounds.length === 0 && request.byteLength <= LONG;
}

/**
 * Calls came together, so others of theirs may be on their way through this process: they get their turns of it as long as each
 * brings one more. Nobody who comes alone waits, and nobody for a clock.
 */
async function untilNoneComes(waiting: readonly WaitingOpening[]): Promise<void> {
  for (
    let turn = 0, before = -1;
    turn < MOST_TURNS && waiting.length > before && waiting.length < MOST_CALLS;
    turn += 1
  ) {
    before = waiting.length;
    await breathe();
  }
}

/** How many of the first that wait can be opened together; at least one. */
function groupLength(waiting: readonly WaitingOpening[]): number {
  const [first] = waiting as readonly [WaitingOpening];
  if (!first.plain) return 1;
  const room = JSON.stringify(first.room);
  const fingerprints = new Set<string>();
  let bytes = 0;
  for (const [at, { request, plain, room: other }] of waiting.entries()) {
    bytes += request.request.byteLength;
    const own = [request.approval.fingerprint, ...request.olderFingerprints];
    const fits = plain && at < MOST_CALLS && bytes <= MOST_BYTES && JSON.stringify(other) === room;
    if (at > 0 && (!fits || own.some((one) => fingerprints.has(one)))) return at;
    for (const one of own) fingerprints.add(one);
  }
  return waiting.length;
}
