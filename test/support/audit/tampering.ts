/** An intact log, and every way to tamper with one. Each tampering changes the evidence it is given. */
import { randomBytes } from 'node:crypto';
import { chainText, GENESIS } from '../../../src/domain/log/chain.ts';
import { checkpointText, readCheckpoint, type SignedCheckpoint } from '../../../src/domain/log/checkpoint.ts';
import type { ChainFault, Link } from '../../../src/domain/log/evidence.ts';
import { keyRing } from '../../../src/vault/keys.ts';
import { proof } from '../../../src/vault/proof.ts';
import { type SigningKey, signingKey } from '../../../src/vault/signing.ts';

export const OURS = signingKey(keyRing('a secret that is long enough to be one'));
export const FOREIGN = signingKey(keyRing('another secret, of somebody else’s own'));

const { sha256 } = proof();

export interface StoredEntry {
  seq: number;
  hash: string;
  text: string;
}

export interface StoredCheckpoint {
  seq: number;
  text: string;
  signature: string;
}

/** A log as a database holds it: rows and checkpoints, each with its sequence number. */
export interface StoredLog {
  events: StoredEntry[];
  checkpoints: StoredCheckpoint[];
}

/** `n` events with a checkpoint after each `every` of them. */
export function wholeLog(n: number, every: number): StoredLog {
  const events: StoredEntry[] = [];
  const checkpoints: StoredCheckpoint[] = [];
  for (let seq = 1; seq <= n; seq += 1) {
    const text = textOf(`event ${seq}`);
    events.push({ seq, hash: sha256(chainText(events.at(-1)?.hash ?? GENESIS, seq, text)), text });
    if (seq % every === 0) checkpoints.push(sign(OURS, events, checkpoints.at(-1) ?? null));
  }
  return { events, checkpoints };
}

export function textOf(what: string): string {
  const { at, ...rest } = { at: '2026-11-22T10:00:00.000Z', server: null, tool: null, type: 'call.allowed' };
  const { server, tool, type } = rest;
  return JSON.stringify({ actor: 'holdfast', approval: null, at, data: { what }, grant: null, server, tool, type });
}

export function sign(
  key: SigningKey,
  events: readonly StoredEntry[],
  before: SignedCheckpoint | null,
): StoredCheckpoint {
  const { seq, hash } = events.at(-1)!;
  const previous = before === null ? null : sha256(before.text);
  const at = '2026-11-22T10:00:00.000Z';
  const text = checkpointText({ v: 1, log: null, seq, hash, count: seq, at, key: key.publicKey, previous });
  return { seq, text, signature: key.sign(text) };
}

/** Chains the events anew from this index on, as somebody with write access to the database would. */
export function rechain(events: StoredEntry[], from: number): void {
  for (const [index, event] of events.entries()) {
    if (index < from) continue;
    event.seq = index + 1;
    event.hash = sha256(chainText(events[index - 1]?.hash ?? GENESIS, event.seq, event.text));
  }
}

export interface Tampering {
  readonly what: string;
  spoil(evidence: StoredLog): void;
  /** The first fault that must be reported. */
  readonly named: Partial<ChainFault> & Pick<ChainFault, 'kind'>;
  /** Detected only with checkpoints that were kept elsewhere. */
  readonly elsewhere?: true;
}

const swapped = (evidence: StoredLog, a: number, b: number, what: 'text' | 'row'): void => {
  const [first, second] = [evidence.events[a]!, evidence.events[b]!];
  const { text, hash } = first;
  first.text = second.text;
  second.text = text;
  if (what === 'text') return;
  first.hash = second.hash;
  second.hash = hash;
};

/** For a log of 30 events with checkpoints at 10, 20 and 30; index 14 is event 15. */
export const TAMPERINGS: readonly Tampering[] = [
  {
    what: 'a changed field',
    spoil: ({ events }) => {
      events[14]!.text = events[14]!.text.replace('event 15', 'event XV');
    },
    named: { kind: 'changed', seq: 15 },
  },
  {
    what: 'a changed hash',
    spoil: ({ events }) => {
      events[14]!.hash = randomBytes(32).toString('hex');
    },
    named: { kind: 'changed', seq: 15 },
  },
  {
    what: 'a changed field, and every hash after it made anew',
    spoil: ({ events }) => {
      events[14]!.text = textOf('something else');
      rechain(events, 14);
    },
    named: { kind: 'rewritten', seq: 20, after: 10 },
  },
  {
    what: 'a deleted row',
    spoil: ({ events }) => void events.splice(14, 1),
    named: { kind: 'removed', seq: 15, until: 15 },
  },
  {
    what: 'a deleted row, and the rest renumbered',
    spoil: ({ events }) => {
      events.splice(14, 1);
      for (const [index, event] of events.entries()) event.seq = index + 1;
    },
    named: { kind: 'removed', seq: 15 },
  },
  {
    what: 'a deleted row, and the rest chained anew',
    spoil: ({ events }) => {
      events.splice(14, 1);
      rechain(events, 14);
    },
    named: { kind: 'rewritten', seq: 20, after: 10 },
  },
  {
    what: 'the first row deleted',
    spoil: ({ events }) => void events.shift(),
    named: { kind: 'removed', seq: 1, until: 1 },
  },
  {
    what: 'a reordered pair, texts only',
    spoil: (evidence) => swapped(evidence, 14, 15, 'text'),
    named: { kind: 'reordered', seq: 15 },
  },
  {
    what: 'a reordered pair, with their hashes',
    spoil: (evidence) => swapped(evidence, 14, 15, 'row'),
    named: { kind: 'reordered', seq: 15 },
  },
  {
    what: 'a reordered pair, chained anew',
    spoil: (evidence) => {
      swapped(evidence, 14, 15, 'text');
      rechain(evidence.events, 14);
    },
    named: { kind: 'rewritten', seq: 20, after: 10 },
  },
  {
    what: 'an inserted row, the rest renumbered',
    spoil: ({ events }) => {
      events.splice(14, 0, { seq: 15, hash: randomBytes(32).toString('hex'), text: textOf('never happened') });
      for (const [index, event] of events.entries()) event.seq = index + 1;
    },
    named: { kind: 'inserted', seq: 15 },
  },
  {
    what: 'an inserted row with a hash that fits, the rest renumbered',
    spoil: ({ events }) => {
      const text = textOf('never happened');
      events.splice(14, 0, { seq: 15, hash: sha256(chainText(events[13]!.hash, 15, text)), text });
      for (const [index, event] of events.entries()) event.seq = index + 1;
    },
    named: { kind: 'inserted', seq: 15 },
  },
  {
    what: 'an inserted row, the rest chained anew',
    spoil: ({ events }) => {
      events.splice(14, 0, { seq: 15, hash: '', text: textOf('never happened') });
      rechain(events, 14);
    },
    named: { kind: 'rewritten', seq: 20, after: 10 },
  },
  {
    what: 'a truncated tail',
    spoil: ({ events }) => void events.splice(24),
    named: { kind: 'truncated', seq: 25, until: 30 },
  },
  {
    what: 'a truncated tail, with the checkpoints of it',
    spoil: ({ events, checkpoints }) => {
      events.splice(24);
      checkpoints.pop();
    },
    named: { kind: 'truncated', seq: 25, until: 30 },
    elsewhere: true,
  },
  {
    what: 'everything deleted but the checkpoints',
    spoil: ({ events }) => void events.splice(0),
    named: { kind: 'truncated', seq: 1 },
  },
  {
    what: 'two checkpoints swapped',
    spoil: ({ checkpoints }) => {
      const [first, second] = [checkpoints[0]!, checkpoints[1]!];
      checkpoints[0] = { ...second, seq: first.seq };
      checkpoints[1] = { ...first, seq: second.seq };
    },
    named: { kind: 'checkpoint_swapped' },
  },
  {
    what: 'a checkpoint put in the place of another',
    spoil: ({ checkpoints }) => {
      checkpoints[1] = { ...checkpoints[0]!, seq: checkpoints[1]!.seq };
    },
    named: { kind: 'checkpoint_swapped', seq: 10 },
  },
  {
    what: 'a checkpoint removed',
    spoil: ({ checkpoints }) => void checkpoints.splice(1, 1),
    named: { kind: 'checkpoint_removed', seq: 30 },
  },
  {
    what: 'a checkpoint changed after it was signed',
    spoil: ({ checkpoints }) => {
      checkpoints[1]!.text = checkpoints[1]!.text.replace('"count":20', '"count":21');
    },
    named: { kind: 'bad_signature', seq: 20 },
  },
  {
    what: 'everything made anew and signed with a foreign key',
    spoil: (evidence) => {
      evidence.events[14]!.text = textOf('something else');
      rechain(evidence.events, 14);
      for (const [index, { seq }] of evidence.checkpoints.entries()) {
        const upTo = evidence.events.slice(0, seq);
        evidence.checkpoints[index] = sign(FOREIGN, upTo, evidence.checkpoints[index - 1] ?? null);
      }
    },
    named: { kind: 'foreign_key', seq: 10 },
  },
  {
    what: 'a foreign signature under our key’s name',
    spoil: ({ checkpoints }) => {
      const { text } = checkpoints[2]!;
      checkpoints[2] = { seq: readCheckpoint(text)!.seq, text, signature: FOREIGN.sign(text) };
    },
    named: { kind: 'bad_signature', seq: 30 },
  },
];

/** In the chain's order: each checkpoint after the event whose number it has. */
export function inOrder({ events, checkpoints }: StoredLog): (Link | SignedCheckpoint)[] {
  const all = [
    ...events.map((one) => ({ ...one, agrees: true, kind: 0 })),
    ...checkpoints.map((one) => ({ ...one, kind: 1 })),
  ];
  return all.sort((a, b) => a.seq - b.seq || a.kind - b.kind);
}
