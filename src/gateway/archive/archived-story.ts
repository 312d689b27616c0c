import { cardNamed } from '../../domain/approval/seen-card.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import type { ChainStart } from '../../domain/log/cut.ts';
import { LONGEST_STORY } from '../../domain/log/decision-evidence.ts';
import type { EventType } from '../../domain/log/event.ts';
import type { Link } from '../../domain/log/evidence.ts';
import { readExportLine } from '../../domain/log/export-line.ts';
import type { ProvenEvent, Records } from '../../ports.ts';
import type { EvidenceParts, EvidenceRecords } from '../log/take-evidence.ts';

/** Events about passkeys and keys that are held, as with a database. */
const MOST_HELD = 30_000;

/** A stretch under one checkpoint in which something is wanted: what proofs are made of. */
interface HeldStretch {
  readonly since: number;
  readonly over: SignedCheckpoint & { readonly seq: number };
  readonly hashes: readonly string[];
}

/**
 * What a whole log, read once from its beginning, says of one approval: its events, those about keys and passkeys, and the
 * hashes that prove them. So evidence is taken of what is no longer in a database.
 */
export class ArchivedStory {
  readonly #approval: string;
  readonly #wanted: string;
  readonly #events: ProvenEvent[] = [];
  readonly #stretches: HeldStretch[] = [];
  #hashes: string[] = [];
  #since = 0;
  #isWanted = false;
  #last: string | null = null;
  #reached = 0;
  #log: string | null = null;
  /** The card that the last event names, and what those of this approval showed. */
  #named: string | null = null;
  readonly #cards = new Map<string, string>();

  constructor(approval: string) {
    this.#approval = approval;
    this.#wanted = `,"approval":"${approval}"`;
  }

  /** The last place that was read. */
  get reached(): number {
    return this.#reached;
  }

  /** One line of a segment or an export. Events that were read before are read once. */
  line(text: string): void {
    const line = readExportLine(text);
    if (line.kind === 'header') {
      this.#log ??= line.log;
      if (line.start !== null && line.start.seq > this.#reached) this.#goOn(line.start);
    }
    if (line.kind === 'event') this.#event(line.link);
    if (line.kind === 'checkpoint') this.#checkpoint(line.signed);
    if (line.kind === 'card' && line.digest === this.#named) this.#cards.set(line.digest, line.content);
  }

  /** What was deleted for good is not there: that the log says so was verified before. */
  #goOn({ seq, hash }: ChainStart): void {
    this.#hashes = [];
    this.#isWanted = false;
    this.#since = seq;
    this.#reached = seq;
    this.#last = hash;
  }

  #event(link: Link): void {
    const { seq, hash, text } = link;
    if (seq !== null && seq <= this.#reached) return;
    if (seq !== null && hash !== null) {
      if (seq !== this.#reached + 1) {
        throw new Error(`events ${this.#reached + 1} to ${seq - 1} are missing; run holdfast audit verify --segments`);
      }
      this.#hashes.push(hash);
      this.#reached = seq;
    }
    if (this.#concerns(text) && this.#events.length < MOST_HELD) {
      this.#events.push(provenOf(link, this.#last));
      this.#isWanted = true;
      this.#named = cardNamed(text);
    } else this.#named = null;
    if (hash !== null) this.#last = hash;
  }

  #concerns(text: string): boolean {
    return text.includes(this.#wanted) || /"type":"(?:seals\.began|key\.[a-z]+)"\}$/.test(text.slice(-48));
  }

  #checkpoint(signed: SignedCheckpoint): void {
    const read = readCheckpoint(signed.text);
    if (read === null || read.seq !== this.#reached) return;
    if (this.#isWanted && read.since === this.#since) {
      const over = { ...signed, seq: read.seq };
      this.#stretches.push({ since: read.since, over, hashes: this.#hashes });
    }
    this.#hashes = [];
    this.#isWanted = false;
    this.#since = read.seq;
  }

  /** As the log itself would tell it. */
  get ledger(): EvidenceParts['ledger'] {
    const over = (seq: number) => this.#stretches.find((one) => seq > one.since && seq <= one.over.seq);
    return {
      logId: async () => this.#log,
      cuts: async () => [],
      covering: async (seq) => over(seq)?.over ?? null,
      hashes: async (after, upTo) => {
        const held = over(upTo);
        return held !== undefined && held.since === after ? held.hashes : [];
      },
      link: async () => null,
    };
  }

  /** `beside`: what cards showed and policies said, where a database has that. */
  records(beside: Pick<Records, 'cards' | 'policyText'>): EvidenceRecords {
    const ofTypes = (types: readonly EventType[]): readonly ProvenEvent[] =>
      this.#events.filter(({ type, seq }) => seq !== null && types.includes(type));
    return {
      policyText: beside.policyText,
      cards: async (digests) => new Map([...(await beside.cards(digests)), ...this.#cards]),
      story: async () => this.#events.filter(({ approval }) => approval === this.#approval).slice(0, LONGEST_STORY),
      keyStory: async () => ofTypes(['seals.began', 'key.changed']),
      passkeyStory: async (keys) =>
        ofTypes(['key.requested', 'key.registered', 'key.revoked', 'key.suspended']).filter(({ data }) =>
          keys.includes(String(data.key)),
        ),
    };
  }
}

function provenOf({ seq, hash, text }: Link, previous: string | null): ProvenEvent {
  const body = parsed(text);
  const textIn = (name: string): string | null => {
    const value = member(body, name);
    return typeof value === 'string' ? value : null;
  };
  const data = member(body, 'data');
  return {
    n: seq ?? 0,
    ...{ seq, hash, text, fits: seq === null ? null : true },
    previous: seq === null ? null : seq === 1 ? '0'.repeat(64) : previous,
    type: (textIn('type') ?? '') as EventType,
    at: new Date(textIn('at') ?? 0),
    actor: textIn('actor') ?? '',
    ...{ approval: textIn('approval'), server: textIn('server'), tool: textIn('tool'), grant: textIn('grant') },
    data: data !== undefined && isObject(data) ? data : {},
  };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
