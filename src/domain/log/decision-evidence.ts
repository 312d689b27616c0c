import { canonical } from '../json/canonical.ts';
import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import type { SignedCheckpoint } from './checkpoint.ts';
import { type Disclosed, readDisclosed } from './enclosed.ts';

/** An event with the proof that it is in the log. */
export interface ProvenStep {
  /** Place in the chain; null: it has none yet. */
  readonly seq: number | null;
  /** Hash of the event before it, and its own, 64 hex digits each; null while it has no place. */
  readonly previous: string | null;
  readonly hash: string | null;
  /** Its canonical text. */
  readonly text: string;
  /** Place that the checkpoint covering it vouches for; null: none with a Merkle root does. */
  readonly checkpoint: number | null;
  /** From the event's hash to that checkpoint's root (RFC 9162, 2.1.3); empty where there is no checkpoint. */
  readonly path: readonly string[];
}

/** Everything that proves one decision, without the rest of the log. */
export interface DecisionEvidence {
  readonly approval: string;
  /** The log's id; null: it has none. */
  readonly log: string | null;
  /** When it was taken; ISO 8601, UTC. */
  readonly at: string;
  /** Everything about the approval, in the order of writing. */
  readonly events: readonly ProvenStep[];
  /** The log's beginning and each change of its key. */
  readonly keyEvents: readonly ProvenStep[];
  /** What the log says of the passkeys that signed votes: asked for, registered, ended. */
  readonly passkeyEvents: readonly ProvenStep[];
  readonly checkpoints: readonly SignedCheckpoint[];
  /** What cards showed, by the SHA-256 that their events name. */
  readonly cards: readonly { readonly digest: string; readonly content: string }[];
  /** What events enclose, as far as it was not erased; absent: nothing is enclosed. */
  readonly disclosed?: readonly Disclosed[];
  /** The policy that asked; its text is null where it is not kept. */
  readonly policy: { readonly digest: string; readonly text: string | null } | null;
  /** False: there was more than fits into one file. */
  readonly complete: boolean;
}

/** As it is written to a file: the canonical text, and who signed it. */
export interface SignedEvidence {
  readonly text: string;
  /** The Ed25519 public key, 64 hex digits, and its signature over the text, 128. */
  readonly key: string;
  readonly signature: string;
}

/** Events of one approval that are read at most: those that decide first. */
export const LONGEST_STORY = 1_000;

const WHAT = 'holdfast evidence';

/** RFC 8785. */
export function evidenceText(evidence: DecisionEvidence): string {
  return canonical({ ...evidence, what: WHAT, v: 1 } as unknown as Json);
}

/** One line; the text is included exactly as it was signed. */
export function evidenceLine({ text, key, signature }: SignedEvidence): string {
  return `{"evidence":${text},"key":"${key}","signature":"${signature}"}\n`;
}

const HEAD = '{"evidence":';
const TAIL = /,"key":"([0-9a-f]{64})","signature":"([0-9a-f]{128})"\}$/;

/** The text is cut out of the line, not parsed and written again: what is verified is what the file holds. null: it is none. */
export function readEvidenceLine(line: string): SignedEvidence | null {
  const whole = line.trimEnd();
  const tail = TAIL.exec(whole.slice(-240));
  if (!whole.startsWith(HEAD) || tail === null) return null;
  return { text: whole.slice(HEAD.length, whole.length - tail[0].length), key: tail[1]!, signature: tail[2]! };
}

/** null: it is not the text of evidence of a version that is known. */
export function readEvidence(text: string): DecisionEvidence | null {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isObject(parsed) || member(parsed, 'what') !== WHAT || member(parsed, 'v') !== 1) return null;
  const { approval, log, at, complete } = parsed;
  const events = listOf(parsed, 'events', stepIn);
  const keyEvents = listOf(parsed, 'keyEvents', stepIn);
  const passkeyEvents = listOf(parsed, 'passkeyEvents', stepIn);
  const checkpoints = listOf(parsed, 'checkpoints', checkpointIn);
  const cards = listOf(parsed, 'cards', cardIn);
  const policy = policyIn(member(parsed, 'policy') ?? null);
  if (events === null || keyEvents === null || checkpoints === null || cards === null || policy === undefined)
    return null;
  if (typeof approval !== 'string' || typeof at !== 'string' || typeof complete !== 'boolean') return null;
  const disclosed = member(parsed, 'disclosed') === undefined ? undefined : listOf(parsed, 'disclosed', readDisclosed);
  if (disclosed === null) return null;
  if (passkeyEvents === null || (log !== null && typeof log !== 'string')) return null;
  return {
    ...{ approval, log, at, complete, events, keyEvents, passkeyEvents, checkpoints, cards, policy },
    ...(disclosed !== undefined && { disclosed }),
  };
}

function listOf<T>(parsed: JsonObject, name: string, read: (one: JsonObject) => T | null): T[] | null {
  const list = member(parsed, name);
  if (!Array.isArray(list)) return null;
  const items: T[] = [];
  for (const one of list) {
    const item = isObject(one) ? read(one) : null;
    if (item === null) return null;
    items.push(item);
  }
  return items;
}

function stepIn(one: JsonObject): ProvenStep | null {
  const { seq, previous, hash, text, checkpoint, path } = one;
  if (typeof text !== 'string' || !Array.isArray(path) || !path.every((hash) => typeof hash === 'string')) return null;
  if (!isPlace(seq) || !isPlace(checkpoint) || !isTextOrNull(previous) || !isTextOrNull(hash)) return null;
  return { seq, previous, hash, text, checkpoint, path };
}

function checkpointIn({ text, signature }: JsonObject): SignedCheckpoint | null {
  return typeof text === 'string' && typeof signature === 'string' ? { text, signature } : null;
}

function cardIn({ digest, content }: JsonObject): { digest: string; content: string } | null {
  return typeof digest === 'string' && typeof content === 'string' ? { digest, content } : null;
}

/** undefined: it is none. */
function policyIn(policy: Json): DecisionEvidence['policy'] | undefined {
  if (policy === null) return null;
  const [digest, text] = [member(policy, 'digest'), member(policy, 'text')];
  return typeof digest === 'string' && (text === null || typeof text === 'string') ? { digest, text } : undefined;
}

const isPlace = (value: Json | undefined): value is number | null =>
  value === null || (Number.isSafeInteger(value) && (value as number) > 0);
const isTextOrNull = (value: Json | undefined): value is string | null => value === null || typeof value === 'string';
