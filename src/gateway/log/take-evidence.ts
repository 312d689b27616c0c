import { cardShown } from '../../domain/approval/seen-card.ts';
import { member } from '../../domain/json/json.ts';
import { readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import {
  type DecisionEvidence,
  evidenceLine,
  evidenceText,
  LONGEST_STORY,
  type ProvenStep,
} from '../../domain/log/decision-evidence.ts';
import { enclosedInText } from '../../domain/log/enclosed.ts';
import { loggedErasure } from '../../domain/log/erased.ts';
import { readKeyEvent, successionOf } from '../../domain/log/key-change.ts';
import { inclusionPath, type TreeRows, treeRows } from '../../domain/log/merkle.ts';
import type { ProvenEvent, Records } from '../../ports.ts';
import { inTurns } from '../../time/in-turns.ts';
import type { Ports } from '../ports.ts';

/** Characters of all cards in one file; what a card showed is up to 50,000. */
const MOST_CARD_TEXT = 8 * 1024 * 1024;
/** Cards in one file. */
const MOST_CARDS = 200;
export type TakenEvidence =
  | { readonly kind: 'taken'; readonly line: string }
  /** No event is about this approval. */
  | { readonly kind: 'not_found' }
  /** The key that signs the log is of a secret that this process does not list. */
  | { readonly kind: 'no_key' };

export type EvidenceRecords = Pick<Records, 'cards' | 'keyStory' | 'passkeyStory' | 'policyText' | 'story'>;

/**
 * Collects what proves one decision, for somebody who has public keys and nothing else: its events with their proofs of
 * inclusion, the log's key events, what the cards showed, and the policy that asked. Signed by the key in force. Changes nothing.
 */
export async function takeEvidence(
  gateway: Pick<Ports, 'clock' | 'ledger' | 'vault'>,
  records: EvidenceRecords,
  approval: string,
): Promise<TakenEvidence> {
  const { clock, ledger, vault } = gateway;
  const all = await records.story(approval);
  if (all.length === 0) return { kind: 'not_found' };
  // What no gateway wrote, and has no place in the chain, is signed by none either.
  const story = all.filter(({ doubt, seq }) => doubt === undefined || seq !== null);
  const keyStory = await records.keyStory();
  // By the very events that go into the file, so that a change in between makes no file that nobody trusts.
  const said = keyStory.flatMap(({ text }) => readKeyEvent(text) ?? []);
  const key = successionOf(said).inForce ?? vault.publicKeys[0]!;
  if (!vault.publicKeys.includes(key)) return { kind: 'no_key' };
  const shown = await shownCards(records, story);
  const policy = await policyOf(records, story);
  const steps = new StepProofs(gateway);
  const evidence: DecisionEvidence = {
    approval,
    log: await ledger.logId(),
    at: clock.now().toISOString(),
    events: await steps.of(story),
    keyEvents: await steps.of(keyStory),
    passkeyEvents: await steps.of(await records.passkeyStory(passkeysOf(story))),
    checkpoints: steps.checkpoints,
    cards: shown.cards,
    policy,
    ...disclosedIn(story),
    complete:
      (shown.complete || isErased(story)) &&
      policy?.text !== null &&
      story.length === all.length &&
      all.length < LONGEST_STORY,
  };
  const text = evidenceText(evidence);
  return { kind: 'taken', line: evidenceLine({ text, key, signature: vault.sign(text, key) }) };
}

/** What its events enclose; nothing where they enclose nothing. */
function disclosedIn(story: readonly ProvenEvent[]): Pick<DecisionEvidence, 'disclosed'> {
  if (story.every(({ text }) => enclosedInText(text) === null)) return {};
  return { disclosed: story.flatMap(({ disclosed }) => disclosed ?? []) };
}

/** What its cards showed is gone, and that is told. */
function isErased(story: readonly ProvenEvent[]): boolean {
  return story.some((event) => loggedErasure(event) !== null);
}

/** The passkeys by which votes were signed. */
function passkeysOf(story: readonly ProvenEvent[]): string[] {
  const signed = story.flatMap(({ data }) => member(data.signature ?? null, 'key') ?? []);
  return [...new Set(signed.filter((key) => typeof key === 'string'))];
}

async function shownCards(
  records: Pick<Records, 'cards'>,
  story: readonly ProvenEvent[],
): Promise<Pick<DecisionEvidence, 'cards' | 'complete'>> {
  const named = [...new Set(story.flatMap((event) => cardShown(event) ?? []))];
  const asked = named.slice(0, MOST_CARDS);
  const found = await records.cards(asked);
  const cards: { digest: string; content: string }[] = [];
  let left = MOST_CARD_TEXT;
  for (const digest of asked) {
    const content = found.get(digest);
    if (content === undefined) continue;
    left -= content.length;
    if (left < 0) break;
    cards.push({ digest, content });
  }
  return { cards, complete: cards.length === named.length };
}

async function policyOf(
  records: Pick<Records, 'policyText'>,
  story: readonly ProvenEvent[],
): Promise<DecisionEvidence['policy']> {
  const digest = story.find(({ type }) => type === 'approval.requested')?.data.policy;
  if (typeof digest !== 'string') return null;
  return { digest, text: await records.policyText(digest) };
}

/** Makes the proofs of inclusion, and keeps the checkpoints, and the tree under the last of them. */
class StepProofs {
  readonly #gateway: Pick<Ports, 'ledger' | 'vault'>;
  readonly #checkpoints = new Map<number, SignedCheckpoint>();
  /** Over the events after `since`, up to `seq`. */
  #tree: { readonly since: number; readonly seq: number; readonly rows: TreeRows } = { since: 0, seq: 0, rows: [] };

  constructor(gateway: Pick<Ports, 'ledger' | 'vault'>) {
    this.#gateway = gateway;
  }

  /** Those that a proof names, in the chain's order. */
  get checkpoints(): SignedCheckpoint[] {
    return [...this.#checkpoints].sort(([a], [b]) => a - b).map(([, { text, signature }]) => ({ text, signature }));
  }

  async of(events: readonly ProvenEvent[]): Promise<ProvenStep[]> {
    const steps: ProvenStep[] = [];
    for (const event of events) steps.push(await this.#proofOf(event));
    return steps;
  }

  async #proofOf({ seq, hash, previous, text }: ProvenEvent): Promise<ProvenStep> {
    if (seq === null) return { seq, hash: null, previous: null, text, checkpoint: null, path: [] };
    const { ledger, vault } = this.#gateway;
    if (seq <= this.#tree.since || seq > this.#tree.seq) {
      const over = await ledger.covering(seq);
      const since = over === null ? null : (readCheckpoint(over.text)?.since ?? null);
      // One from before checkpoints had roots vouches only for a log that is there as a whole.
      if (over === null || since === null || since >= seq) {
        return { seq, hash, previous, text, checkpoint: null, path: [] };
      }
      const entries = await ledger.hashes(since, over.seq);
      this.#tree = { since, seq: over.seq, rows: await inTurns(treeRows(vault.proof.digest, entries)) };
      this.#checkpoints.set(over.seq, over);
    }
    const path = inclusionPath(this.#tree.rows, seq - this.#tree.since - 1);
    return { seq, hash, previous, text, checkpoint: this.#tree.seq, path };
  }
}
