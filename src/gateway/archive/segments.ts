import { ChainCheck } from '../../domain/log/chain.ts';
import type { ChainStart } from '../../domain/log/cut.ts';
import { exportLine, readExportLine } from '../../domain/log/export-line.ts';
import { successionOf } from '../../domain/log/key-change.ts';
import {
  readSegmentHead,
  readSegmentLine,
  type SegmentHead,
  segmentLine,
  segmentText,
} from '../../domain/log/segment.ts';
import type { Archive, Ledger, OpenSegment, Vault } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import { type LineCount, sealedLines } from '../log/export.ts';

/** Which stretch of the log a segment takes. */
export interface SegmentStretch {
  readonly log: string;
  readonly segment: number;
  /** The event before the first one, which the segment begins after. */
  readonly start: ChainStart;
  readonly to: number;
  /** SHA-256 of the head of the segment before. */
  readonly previous: string | null;
}

/** Events of a segment that is read back between two turns of others. */
const TURN = 500;

/**
 * Writes a segment and its head, and reads both back. The head that is there then, which another replica may have published,
 * or this one before it died. Throws where what is there is not this stretch of this log.
 */
export async function keepSegment(
  { ledger, vault, at }: { readonly ledger: Ledger; readonly vault: Vault; readonly at: Date },
  archive: Archive,
  stretch: SegmentStretch,
  keys: SegmentKeys,
): Promise<{ readonly head: SegmentHead; readonly digest: string }> {
  const { log, segment } = stretch;
  const known = await archive.head(log, segment);
  if (known === null) await writeSegment({ ledger, vault, at }, archive, stretch, keys.signing);
  const line = known ?? (await archive.head(log, segment));
  if (line === null)
    throw new Error(`${archive.name} does not have the head of segment ${segment} that was just written`);
  const read = await checkSegment(line, archive, stretch, keys.known, vault);
  if (read.fault !== null) throw new Error(`${archive.name}, segment ${segment}: ${read.fault}`);
  return read;
}

/** By what the log says of its keys: all that were ever in force, and the one that signs now; null: it is not ours. */
export async function segmentKeys(
  ledger: Pick<Ledger, 'ends' | 'keyEvents'>,
  vault: Vault,
): Promise<SegmentKeys | null> {
  const { head } = await ledger.ends();
  const said = await ledger.keyEvents(head);
  const signing = successionOf(said).inForce ?? vault.publicKeys[0]!;
  if (!vault.publicKeys.includes(signing)) return null;
  const named = said.flatMap((one) => (one.kind === 'began' ? [one.key] : [one.from, one.to]));
  return { signing, known: [...new Set([signing, ...vault.publicKeys, ...named])].filter((key) => key !== null) };
}

interface SegmentKeys {
  readonly signing: string;
  readonly known: readonly string[];
}

async function writeSegment(
  { ledger, vault, at }: { readonly ledger: Ledger; readonly vault: Vault; readonly at: Date },
  archive: Archive,
  { log, segment, start, to, previous }: SegmentStretch,
  key: string,
): Promise<void> {
  const count: LineCount = { events: 0, checkpoints: 0 };
  const seen: { first: string | null; last: string | null } = { first: null, last: null };
  const lines = async function* (): AsyncGenerator<string> {
    const from = start.seq === 0 ? null : start;
    yield `${exportLine.header(at, vault.publicKeys, log, from)}\n`;
    for await (const portion of sealedLines(ledger, { after: start.seq, upTo: to }, count)) {
      seen.first ??= portion.slice(0, portion.indexOf('\n'));
      seen.last = portion;
      yield portion;
    }
    yield `${exportLine.end(count.events, 0, count.checkpoints)}\n`;
  };
  const written = await archive.write(log, segment, lines());
  const ends = endsIn(seen.first ?? '', seen.last ?? '');
  const [covering] = await ledger.checkpoints(to - 1, to);
  if (ends === null || covering === undefined) throw new Error(`the log has no events up to ${to} to be archived`);
  const text = segmentText({
    ...{ log, segment, from: start.seq + 1, to, before: start.hash, last: ends.last.hash },
    checkpoint: vault.proof.sha256(covering.text),
    ...{ first: ends.first.at, until: ends.last.at },
    ...{ events: count.events, checkpoints: count.checkpoints, ...written, previous },
    ...{ keys: await ledger.keyEvents(to), at: at.toISOString(), key },
  });
  // Where another replica was quicker, its head stays, and this file is one that no head names.
  await archive.publish(log, segment, segmentLine({ text, signature: vault.sign(text, key) }));
}

interface EventEnd {
  readonly at: string;
  readonly hash: string;
}

/** The first line, and the last event in the last portion. */
function endsIn(first: string, portion: string): { readonly first: EventEnd; readonly last: EventEnd } | null {
  const one = eventEnd(first);
  const last = portion
    .split('\n')
    .toReversed()
    .map(eventEnd)
    .find((end) => end !== null);
  return one === null || last === undefined || last === null ? null : { first: one, last };
}

function eventEnd(line: string): EventEnd | null {
  const read = readExportLine(line);
  if (read.kind !== 'event' || read.link.hash === null) return null;
  return { at: timeOf(read.link.text), hash: read.link.hash };
}

/** The time that an event's canonical text states. */
export function timeOf(text: string): string {
  return /"at":"([^"]{1,40})"/.exec(text)?.[1] ?? new Date(0).toISOString();
}

/** Reads a segment back: its head, and every line. `fault`: in words; null: it is this stretch, whole and signed. */
async function checkSegment(
  line: string,
  archive: Archive,
  { log, segment, start, previous }: SegmentStretch,
  keys: readonly string[],
  vault: Pick<Vault, 'proof'>,
): Promise<{ readonly head: SegmentHead; readonly digest: string; readonly fault: string | null }> {
  const { proof } = vault;
  const signed = readSegmentLine(line);
  const head = signed === null ? null : readSegmentHead(signed.text);
  if (signed === null || head === null)
    throw new Error(`${archive.name}: the head of segment ${segment} cannot be read`);
  const digest = proof.sha256(signed.text);
  const not = (fault: string) => ({ head, digest, fault });
  if (!keys.includes(head.key) || !proof.verifies(head.key, signed.text, signed.signature)) {
    return not('its head is not signed by a key of this log');
  }
  const isThis = head.log === log && head.segment === segment && head.from === start.seq + 1;
  if (!isThis || head.before !== start.hash || head.previous !== previous) {
    return not('it is there already, and is another stretch than the log has here');
  }
  const file = archive.read(head.file);
  const check = new ChainCheck(proof, { keys, log });
  if (start.seq > 0) check.begin(start, false);
  const counted = await readSegment(file.portions, check, head.unpacked);
  const report = check.end();
  const { octets, sha256 } = file.measured();
  if (octets !== head.octets || sha256 !== head.sha256) return not(`${head.file} is not what its head names`);
  if (report.faults.length > 0)
    return not(`${head.file} does not fit (${report.faults[0]!.kind}, event ${report.faults[0]!.seq})`);
  const whole = report.head === head.to && report.covered === head.to && check.reached.hash === head.last;
  if (!whole || counted !== head.events) return not(`${head.file} does not end where its head says`);
  return { head, digest, fault: null };
}

async function readSegment(portions: Portions, check: ChainCheck, most: number): Promise<number> {
  let events = 0;
  for await (const lines of noLonger(portions, most)) {
    for (const text of lines) {
      const line = readExportLine(text);
      if (line.kind === 'checkpoint') check.checkpoint(line.signed);
      if (line.kind !== 'event') continue;
      check.event(line.link);
      events += 1;
      if (events % TURN === 0) await breathe();
    }
  }
  return events;
}

/** Lines in their order, several at a time: a turn of the loop for each would cost more than what is done with it. */
type Portions = OpenSegment['portions'];

/** The same lines. Throws once they are longer together than the head says: nothing is unpacked for ever. */
export async function* noLonger(portions: Portions, most: number): AsyncGenerator<readonly string[]> {
  let length = 0;
  for await (const lines of portions) {
    for (const line of lines) length += line.length + 1;
    if (length > most) throw new Error('it unpacks to more than its head says');
    yield lines;
  }
}
