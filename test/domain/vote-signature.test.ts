import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signingOriginOf } from '../../src/domain/addresses.ts';
import type { Approval, Decision, VoteSignature } from '../../src/domain/approval/approval.ts';
import { type CurrentApprovers, STRANGERS } from '../../src/domain/approval/current.ts';
import { judgeDecision } from '../../src/domain/approval/decide.ts';
import { recount } from '../../src/domain/approval/recount.ts';
import { frozenParts, type RegisteredKey, signedText } from '../../src/domain/approval/signing.ts';
import { signatureFault } from '../../src/domain/approval/vote-signature.ts';
import { needsSignature } from '../../src/domain/policy/verdict.ts';
import { passkeyProof } from '../../src/vault/passkey-proof.ts';
import { OPENED, REQUIREMENT, sampleApproval } from '../support/domain/approval.ts';
import { SoftPasskey, type Tampering } from '../support/people/authenticator.ts';

const ORIGIN = 'https://holdfast.example.com';
const LOG = 'log_1';
const proof = passkeyProof();
const at = new Date(OPENED.getTime() + 60_000);

const miras = new SoftPasskey(ORIGIN);
const alexes = new SoftPasskey(ORIGIN);

function keyOf(passkey: SoftPasskey, owner: string, different: Partial<RegisteredKey> = {}): RegisteredKey {
  const { name: id, publicKey } = passkey;
  return { id, owner, publicKey, algorithm: -7, origin: ORIGIN, registeredAt: OPENED, ...different };
}

function current(keys: readonly RegisteredKey[] | null, log: string | null = LOG): CurrentApprovers {
  const known = keys === null ? null : new Map(keys.map((key) => [key.id, key]));
  const { people, userGroups } = REQUIREMENT;
  const here = { people, userGroups, admin: true, escalate: null, owner: 'U0SAM', selfApproval: false };
  return { ...here, persons: STRANGERS, signing: { log, keys: known, proof } };
}

const BOTH = current([keyOf(miras, 'U0MIRA'), keyOf(alexes, 'U0ALEX')]);

function critical(different: Parameters<typeof sampleApproval>[0] = {}): Approval {
  const { requirement, ...rest } = different;
  return sampleApproval({ ...rest, requirement: { stepUp: { origin: ORIGIN }, ...requirement } });
}

function signatureOver(approval: Approval, passkey = miras, wrong: Tampering = {}, log = LOG): VoteSignature {
  const nonce = Buffer.alloc(32, 3).toString('base64url');
  const frozen = proof.sha256(frozenParts(approval));
  const { id, fingerprint } = approval;
  const text = signedText({ nonce, log, approval: id, fingerprint, choice: 'approve', frozen });
  const { response } = passkey.use(proof.challenge(text), wrong);
  const { authenticatorData, clientDataJSON, signature } = response as Record<string, string>;
  return {
    v: 1,
    key: passkey.name,
    nonce,
    frozen,
    authenticatorData: authenticatorData!,
    clientData: clientDataJSON!,
    signature: signature!,
  };
}

function vote(approver: string, signature?: VoteSignature): Decision {
  const base = { approver, choice: 'approve', reason: null, via: 'console', self: false, userGroup: null, at } as const;
  return signature === undefined ? base : { ...base, signature };
}

const whyNot = (approval: Approval, signature: VoteSignature, now = BOTH, approver = 'U0MIRA') =>
  signatureFault(approval, vote(approver, signature), now)?.why ?? null;

describe('A signed vote', () => {
  const approval = critical();

  test('counts with its signature, and joiners, votes and time void nothing', () => {
    const signature = signatureOver(approval);
    assert.equal(whyNot(approval, signature), null);
    const later = critical({ laterReasons: ['me too'], callers: 4, revision: 9, decisions: [vote('U0ALEX')] });
    assert.equal(whyNot(later, signature), null);
  });

  test('P1: of every frozen part there is another signature', () => {
    const signature = signatureOver(approval);
    const others: Parameters<typeof sampleApproval>[0][] = [
      ...[{ id: 'ap_2' }, { server: 's' }, { tool: 't' }, { grant: 'g' }, { owner: null }, { selfApproval: true }],
      ...[{ fingerprint: '0'.repeat(64) }, { arguments: { name: 'other' } }, { statedReason: 'because' }],
      ...[{ previousUnknown: 'ap_0' }, { policyDigest: '1'.repeat(64) }, { createdAt: new Date(0) }],
      ...[{ expiresAt: new Date(OPENED.getTime() + 999_999) }, { requirement: { quorum: 2 } }],
      ...[{ requirement: { people: ['U0MIRA'] } }, { answersTo: 'ap_3' }, { hidden: { byName: 1, byPolicy: 0 } }],
      { counterOf: { approval: 'ap_4', by: 'U0ALEX', via: 'slack', depth: 1, changes: [], more: 0 } },
    ];
    for (const other of others) assert.notEqual(whyNot(critical(other), signature), null, JSON.stringify(other));
  });

  test('P1: is over one log, by a key of its person that is registered, and was', () => {
    assert.match(whyNot(approval, signatureOver(approval, miras, {}, 'log_2'))!, /challenge/);
    assert.match(whyNot(approval, signatureOver(approval, alexes))!, /belongs to U0ALEX/);
    assert.match(whyNot(approval, signatureOver(approval, new SoftPasskey(ORIGIN)))!, /not registered/);
    const after = current([keyOf(miras, 'U0MIRA', { registeredAt: new Date(at.getTime() + 6 * 60_000) })]);
    assert.match(whyNot(approval, signatureOver(approval), after)!, /registered after/);
    const skewed = current([keyOf(miras, 'U0MIRA', { registeredAt: new Date(at.getTime() + 4 * 60_000) })]);
    assert.equal(whyNot(approval, signatureOver(approval), skewed), null, 'clocks that differ');
    for (const unknown of [current(null), current([], null)])
      assert.equal(signatureFault(approval, vote('U0MIRA', signatureOver(approval)), unknown)?.kind, 'unknown');
    const { signing: _, ...without } = BOTH;
    assert.equal(signatureFault(approval, vote('U0MIRA', signatureOver(approval)), without)?.kind, 'unknown');
  });

  test('P1: by a key of another algorithm than the one it was registered for, counts for nothing', () => {
    for (const algorithm of [-8, -257] as const) {
      const now = current([keyOf(miras, 'U0MIRA', { algorithm })]);
      assert.match(whyNot(approval, signatureOver(approval), now)!, /not that of the key/, String(algorithm));
    }
  });

  test('P1: for a call that nobody could sign, or with another origin frozen, counts for nothing', () => {
    const nobody = critical({ requirement: { stepUp: { origin: null } } });
    assert.match(whyNot(nobody, signatureOver(nobody))!, /nobody could sign/);
    const elsewhere = critical({ requirement: { stepUp: { origin: 'https://other.example.com' } } });
    assert.match(whyNot(elsewhere, signatureOver(elsewhere))!, /another origin/);
  });
});

describe('Whose yes counts where it has to be signed', () => {
  const word = { choice: 'approve', reason: null, fingerprint: null } as const;
  const judge = (approval: Approval, id: string, signature?: VoteSignature) =>
    judgeDecision(
      approval,
      { ...word, ...(signature === undefined ? {} : { signature }) },
      { id, via: 'console', userGroups: [] },
      at,
      BOTH,
    );

  test('P1: a vote without one, or with another’s, is refused, and no is no', () => {
    const approval = critical();
    const reasons = [judge(approval, 'U0MIRA'), judge(approval, 'U0MIRA', signatureOver(approval, alexes))];
    assert.deepEqual(
      reasons.map((one) => one.kind === 'refused' && one.reason),
      ['signature_required', 'bad_signature'],
    );
    assert.equal(judge(approval, 'U0MIRA', signatureOver(approval)).kind, 'recorded');
    const no = judgeDecision(
      approval,
      { ...word, choice: 'deny' },
      { id: 'U0MIRA', via: 'slack', userGroups: [] },
      at,
      BOTH,
    );
    assert.equal(no.kind === 'recorded' && no.next, 'denied');
  });

  test('P1: votes are counted again with their signatures, and two are two', () => {
    const approval = critical({ requirement: { quorum: 2 } });
    const decisions = [vote('U0MIRA', signatureOver(approval)), vote('U0ALEX', signatureOver(approval, alexes))];
    assert.equal(recount({ ...approval, decisions }, BOTH, at).people, 2);
    const unsigned = recount({ ...approval, decisions: [decisions[0]!, vote('U0ALEX')] }, BOTH, at);
    assert.deepEqual([unsigned.people, unsigned.faults], [1, ['U0ALEX has not signed']]);
    const copied = recount(
      { ...approval, decisions: [decisions[0]!, vote('U0ALEX', signatureOver(approval))] },
      BOTH,
      at,
    );
    assert.equal(copied.people, 1);
    assert.equal(recount({ ...approval, decisions }, current([keyOf(alexes, 'U0ALEX')]), at).people, 1);
    assert.notEqual(recount({ ...approval, decisions }, current(null), at).unknown, null);
    const admin = critical({ requirement: { admin: true } });
    assert.equal(recount({ ...admin, decisions: [vote('admin')] }, BOTH, at).people, 0);
  });

  test('a call that needs none is as it was', () => {
    assert.equal(judge(sampleApproval(), 'U0MIRA').kind, 'recorded');
    const { signing: _, ...without } = BOTH;
    assert.equal(recount({ ...sampleApproval(), decisions: [vote('U0MIRA')] }, without, at).people, 1);
  });
});

describe('Where signatures are needed', () => {
  test('the policy says so, or the severity is critical where people can sign', () => {
    const table = [
      [{ stepUp: 'required' }, null, false, true],
      [{}, 'critical', true, true],
      [{}, 'critical', false, false],
      [{}, 'high', true, false],
    ] as const;
    for (const [ask, severity, can, needs] of table) assert.equal(needsSignature(ask, severity, can), needs);
  });

  test('browsers allow passkeys at https with a name, and at localhost', () => {
    const table = [
      ['https://holdfast.example.com', 'https://holdfast.example.com'],
      ['https://holdfast.example.com:8443/x', 'https://holdfast.example.com:8443'],
      ['http://localhost:8787', 'http://localhost:8787'],
      ['http://holdfast.localhost:8787', 'http://holdfast.localhost:8787'],
      ['http://holdfast.example.com', null],
      ['http://127.0.0.1:8787', null],
      ['https://192.0.2.1', null],
      ['https://[2001:db8::1]', null],
      [null, null],
    ] as const;
    for (const [url, origin] of table) assert.equal(signingOriginOf(url), origin, String(url));
  });
});
