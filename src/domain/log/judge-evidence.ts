import { cardNamed } from '../approval/seen-card.ts';
import type { PasskeyProof } from '../approval/signing.ts';
import { type Erasure, erasureJson } from '../call/erasure.ts';
import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import { chainText } from './chain.ts';
import { type Checkpoint, readCheckpoint } from './checkpoint.ts';
import { type DecisionEvidence, type ProvenStep, readEvidence, type SignedEvidence } from './decision-evidence.ts';
import { type Disclosed, enclosedIn, erasureIn, isDisclosed, withDisclosed, withoutBox } from './enclosed.ts';
import type { Proof } from './evidence.ts';
import type { EvidenceFault, EvidenceReport, EvidenceStep } from './evidence-report.ts';
import { judgeStory } from './judge-story.ts';
import { KeyOrder, type KeyTrust } from './key-order.ts';
import { rootByPath } from './merkle.ts';
import { type SignatureReport, VoteSignatureCheck } from './signature-check.ts';

/** What judging needs of cryptography. */
export interface EvidenceProof extends Proof {
  readonly passkeys: PasskeyProof;
}

const NOTHING: EvidenceReport = {
  ...{ approval: null, log: null, at: null, key: null, steps: [], covered: 0, coveredAt: null },
  ...{ unproven: 0, cards: 0, signatures: 0, policy: null, complete: false, faults: [] },
};

/**
 * Judges the evidence of one decision with public keys alone. Each event's hash follows from its text and the hash before
 * it, and leads by its path to the Merkle root of a checkpoint, which the key in force there signed. Which keys were in
 * force the log's own events say, each change sworn by the key before. The whole is signed by the key in force when it was
 * taken, so that nothing can be left out of it afterwards: inclusion alone would not show that.
 */
export function judgeEvidence(signed: SignedEvidence | null, trust: KeyTrust, proof: EvidenceProof): EvidenceReport {
  const evidence = signed === null ? null : readEvidence(signed.text);
  if (signed === null || evidence === null) return { ...NOTHING, faults: [{ kind: 'not_evidence' }] };
  const { approval, log, at, complete, cards, policy } = evidence;
  if (!proof.verifies(signed.key, signed.text, signed.signature)) {
    return { ...NOTHING, approval, log, at, key: signed.key, faults: [{ kind: 'bad_signature' }] };
  }
  const order = new KeyOrder(proof, trust);
  if (log !== null) order.claim(log);
  const { faults, covered, newest } = judgeProofs(evidence, order, proof);
  if (!order.signsNow(signed.key)) faults.unshift({ kind: 'foreign_signer', key: signed.key });
  // The file brings the events about keys itself: with one left out, a key that was replaced would seem to be in force.
  if (trust.keys.length > 1) for (const key of order.unused) faults.push({ kind: 'unused_key', key });
  const told = judgeEnclosed(evidence, proof);
  const { steps, erased } = told;
  const signatures = judgeSignatures(evidence, proof);
  faults.push(
    ...told.faults,
    ...foreignSteps(evidence),
    ...judgeStory(steps, approval),
    ...judgeBeside(evidence, steps, proof),
  );
  for (const { seq, why } of signatures.faults) faults.push({ kind: 'signature', seq, why });
  return {
    ...{ approval, log, at, key: signed.key, steps, covered, coveredAt: newest?.at ?? null },
    unproven: evidence.passkeyEvents.filter(({ checkpoint }) => checkpoint === null).length,
    ...{
      cards: cards.length,
      signatures: signatures.verified,
      policy: policy?.text ?? null,
      complete,
      ...(erased !== null && { erased }),
      faults,
    },
  };
}

interface Proofs {
  readonly faults: EvidenceFault[];
  readonly covered: number;
  readonly newest: Checkpoint | null;
}

/** Events and checkpoints in the chain's order: a key counts from where the log says so. */
function judgeProofs(evidence: DecisionEvidence, order: KeyOrder, proof: Proof): Proofs {
  const faults: EvidenceFault[] = [];
  const checkpoints = new Map<number, Checkpoint>();
  for (const { text, signature } of evidence.checkpoints) {
    const read = readCheckpoint(text);
    if (read === null || checkpoints.has(read.seq) || !proof.verifies(read.key, text, signature)) {
      faults.push({ kind: 'bad_checkpoint', seq: read?.seq ?? null });
    } else checkpoints.set(read.seq, read);
  }
  let covered = 0;
  for (const list of [evidence.keyEvents, evidence.passkeyEvents, evidence.events]) {
    for (const step of list) {
      const fault = judgeStep(step, checkpoints, proof);
      if (fault !== null) faults.push(fault);
      else if (step.checkpoint !== null && list === evidence.events) covered += 1;
    }
    faults.push(...repeated(list));
  }
  const inOrder = [
    ...evidence.keyEvents.map((step) => ({ seq: step.seq ?? 0, step, read: null })),
    ...[...checkpoints.values()].map((read) => ({ seq: read.seq, step: null, read })),
  ].sort((a, b) => a.seq - b.seq || (a.step === null ? 1 : -1));
  let newest: Checkpoint | null = null;
  for (const { seq, step, read } of inOrder) {
    const fault = step === null ? order.checkpoint(read!) : order.event(seq, step.text);
    if (typeof fault === 'object' && fault !== null) faults.push({ kind: 'chain', fault });
    else if (read !== null) newest = read;
  }
  const otherLog = order.end();
  if (otherLog !== null) faults.push({ kind: 'chain', fault: otherLog });
  return { faults, covered, newest };
}

function judgeStep(
  { seq, previous, hash, text, checkpoint, path }: ProvenStep,
  checkpoints: ReadonlyMap<number, Checkpoint>,
  proof: Proof,
): EvidenceFault | null {
  if (seq === null || previous === null || hash === null) {
    return seq === null && previous === null && hash === null && checkpoint === null
      ? null
      : { kind: 'changed_event', seq };
  }
  if (proof.sha256(chainText(previous, seq, text)) !== hash) return { kind: 'changed_event', seq };
  if (checkpoint === null) return path.length === 0 ? null : { kind: 'not_included', seq };
  const over = checkpoints.get(checkpoint);
  if (over === undefined || over.since === null || seq <= over.since || seq > over.seq) {
    return { kind: 'not_included', seq };
  }
  const place = { index: seq - over.since - 1, size: over.seq - over.since, path };
  return rootByPath(proof.digest, hash, place) === over.root ? null : { kind: 'not_included', seq };
}

/** Each event stands there once. In the order of writing: an event that became visible late has a later place. */
function repeated(steps: readonly ProvenStep[]): EvidenceFault[] {
  const seen = new Set<number | null>();
  const again = steps.find(({ seq }) => seq !== null && (seen.has(seq) || !seen.add(seq)));
  return again === undefined ? [] : [{ kind: 'changed_event', seq: again.seq }];
}

/** Events that are about something else. */
function foreignSteps({ approval, events }: DecisionEvidence): EvidenceFault[] {
  return events
    .filter(({ text }) => member(parsed(text), 'approval') !== approval)
    .map(({ seq }) => ({ kind: 'other_event', seq }));
}

/** The signatures over votes, by the passkeys whose registration is in the evidence, in the chain's order. */
function judgeSignatures({ events, passkeyEvents, log }: DecisionEvidence, proof: EvidenceProof): SignatureReport {
  const check = new VoteSignatureCheck(proof.passkeys);
  const last = Number.MAX_SAFE_INTEGER;
  const inOrder = [...passkeyEvents, ...events].sort((a, b) => (a.seq ?? last) - (b.seq ?? last));
  for (const step of inOrder) check.event(step, log);
  return check.end(log);
}

/** The events with what they enclose. What they do not disclose has to be erased, by an event of the same file. */
function judgeEnclosed(
  { events, disclosed = [] }: DecisionEvidence,
  proof: Proof,
): { readonly steps: EvidenceStep[]; readonly erased: Erasure | null; readonly faults: EvidenceFault[] } {
  const faults: EvidenceFault[] = [];
  const plain = events.map(stepOf);
  const erased = plain.flatMap((step) => erasureIn(step) ?? []).at(0) ?? null;
  const used = new Set<Disclosed>();
  const steps = plain.map((step, n): EvidenceStep => {
    const { text } = events[n]!;
    if (enclosedIn(step.data) === null) return step;
    const own = disclosed.find((one) => isDisclosed(proof, text, one));
    if (own !== undefined) {
      used.add(own);
      return { ...step, data: withDisclosed(step.type, step.data, own.data) };
    }
    if (erased === null) faults.push({ kind: 'undisclosed', seq: step.seq });
    else return { ...step, data: { ...withoutBox(step.data), erased: erasureJson(erased) } };
    return { ...step, data: withoutBox(step.data) };
  });
  if (disclosed.some((one) => !used.has(one))) faults.push({ kind: 'other_disclosed' });
  return { steps, erased, faults };
}

/** What is beside the events must be what they name. */
function judgeBeside(evidence: DecisionEvidence, steps: readonly EvidenceStep[], proof: Proof): EvidenceFault[] {
  const named = new Set(evidence.events.map(({ text }) => cardNamed(text)));
  const faults: EvidenceFault[] = [];
  for (const { digest, content } of evidence.cards) {
    if (!named.has(digest) || proof.sha256(content) !== digest) faults.push({ kind: 'other_card', digest });
  }
  const { policy } = evidence;
  if (policy === null) return faults;
  const asked = steps.find(({ type }) => type === 'approval.requested')?.data.policy;
  const fits = asked === policy.digest && (policy.text === null || proof.sha256(policy.text) === policy.digest);
  if (!fits) faults.push({ kind: 'other_policy', digest: policy.digest });
  return faults;
}

function stepOf({ seq, text }: ProvenStep): EvidenceStep {
  const body = parsed(text);
  const data = member(body, 'data');
  const textIn = (name: string): string => {
    const value = member(body, name);
    return typeof value === 'string' ? value : '';
  };
  const called = Object.fromEntries(
    ['server', 'tool'].flatMap((name) => (textIn(name) === '' ? [] : [[name, textIn(name)]])),
  );
  const said = { type: textIn('type'), at: textIn('at'), actor: textIn('actor') };
  return { seq, ...said, ...called, data: isObject(data) ? data : {} };
}

function parsed(text: string): JsonObject {
  try {
    const body = JSON.parse(text) as Json;
    return isObject(body) ? body : {};
  } catch {
    return {};
  }
}
