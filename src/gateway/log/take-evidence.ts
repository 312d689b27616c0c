import { cardShown } from '../../domain/approval/seen-card.ts';
import { member } from '../../domain/json/json.ts';
import {
  type DecisionEvidence,
  evidenceLine,
  evidenceText,
  LONGEST_STORY,
} from '../../domain/log/decision-evidence.ts';
import { enclosedInText } from '../../domain/log/enclosed.ts';
import { loggedErasure } from '../../domain/log/erased.ts';
import { readKeyEvent, successionOf } from '../../domain/log/key-change.ts';
import type { ProvenEvent, Records } from '../../ports.ts';
import type { Ports } from '../ports.ts';
import { type ProvingLedger, StepProofs } from './step-proofs.ts';

/** Characters of all cards in one file; what a card showed is up to 50,000. */
const MOST_CARD_TEXT = 8 * 1024 * 1024;
/** Cards in one file. */
const MOST_CARDS = 200;
export type TakenEvidence =
  | { readonly kind: 'taken'; readonly line: string }
  /** No event is about this approval. */
  | { readonly kind: 'not_found' }
  /** The database has no beginning of it: it is in one of so many segments, which go until then, or there is none. */
  | { readonly kind: 'archived'; readonly segments: number; readonly until: string }
  /** The key that signs the log is of a secret that this process does not list. */
  | { readonly kind: 'no_key' };

/** What is used of the ports. */
export interface EvidenceParts {
  readonly clock: Pick<Ports['clock'], 'now'>;
  readonly ledger: ProvingLedger & Pick<Ports['ledger'], 'cuts' | 'logId'>;
  readonly vault: Pick<Ports['vault'], 'proof' | 'publicKeys' | 'sign'>;
}

export type EvidenceRecords = Pick<Records, 'cards' | 'keyStory' | 'passkeyStory' | 'policyText' | 'story'>;

/**
 * Collects what proves one decision, for somebody who has public keys and nothing else: its events with their proofs of
 * inclusion, the log's key events, what the cards showed, and the policy that asked. Signed by the key in force. Changes nothing.
 */
export async function takeEvidence(
  gateway: EvidenceParts,
  records: EvidenceRecords,
  approval: string,
): Promise<TakenEvidence> {
  const { clock, ledger, vault } = gateway;
  const all = await records.story(approval);
  // Of what a cut covers some may have stayed; nobody can tell from here whether it is all.
  const cut = (await ledger.cuts()).find(({ covered }) => covered);
  const isCut = cut !== undefined && all.some(({ seq }) => seq !== null && seq <= cut.to);
  if (cut !== undefined && (isCut || !all.some(({ type }) => type === 'approval.requested')))
    return { kind: 'archived', segments: cut.segment, until: cut.until };
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
