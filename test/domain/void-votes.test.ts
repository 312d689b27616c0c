import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approval, Decision, VoteSignature } from '../../src/domain/approval/approval.ts';
import { type CurrentApprovers, STRANGERS } from '../../src/domain/approval/current.ts';
import { judgeDecision } from '../../src/domain/approval/decide.ts';
import { frozenParts, type RegisteredKey, signedText } from '../../src/domain/approval/signing.ts';
import { decideApproval } from '../../src/gateway/decision/decide.ts';
import { decideBySignature, prepareSigning, type SigningDeps } from '../../src/gateway/decision/sign.ts';
import type { Change, Committed } from '../../src/ports.ts';
import { passkeyProof } from '../../src/vault/passkey-proof.ts';
import { OPENED, REQUIREMENT, sampleApproval } from '../support/domain/approval.ts';
import { SoftPasskey } from '../support/people/authenticator.ts';

const ORIGIN = 'https://holdfast.example.com';
const LOG = 'log_1';
const proof = passkeyProof();
const at = new Date(OPENED.getTime() + 60_000);
const [miras, mirasNew, alexes] = [1, 2, 3].map(() => new SoftPasskey(ORIGIN)) as [
  SoftPasskey,
  SoftPasskey,
  SoftPasskey,
];

const keyOf = ({ name: id, publicKey }: SoftPasskey, owner: string): RegisteredKey => ({
  ...{ id, owner, publicKey, algorithm: -7, origin: ORIGIN, registeredAt: OPENED },
});

function current(keys: readonly RegisteredKey[] | null): CurrentApprovers {
  const known = keys === null ? null : new Map(keys.map((key) => [key.id, key]));
  const { people } = REQUIREMENT;
  const here = { people, userGroups: [], admin: false, escalate: null, owner: 'U0SAM', selfApproval: false };
  return { ...here, persons: STRANGERS, signing: { log: LOG, keys: known, proof } };
}

function signed(approval: Approval, passkey: SoftPasskey): VoteSignature {
  const nonce = Buffer.alloc(32, 3).toString('base64url');
  const frozen = proof.sha256(frozenParts(approval));
  const { id, fingerprint } = approval;
  const text = signedText({ nonce, log: LOG, approval: id, fingerprint, choice: 'approve', frozen });
  const { response } = passkey.use(proof.challenge(text), {});
  const { authenticatorData, clientDataJSON, signature } = response as Record<string, string>;
  const parts = { authenticatorData: authenticatorData!, clientData: clientDataJSON!, signature: signature! };
  return { v: 1, key: passkey.name, nonce, frozen, ...parts };
}

const asked = sampleApproval({ requirement: { stepUp: { origin: ORIGIN }, quorum: 2 } });
const yes = (approver: string, passkey: SoftPasskey): Decision => ({
  ...{ approver, choice: 'approve', reason: null, via: 'console', self: false, userGroup: null, at },
  signature: signed(asked, passkey),
});
/** Mira has signed, with the key that she revokes afterwards. */
const approval: Approval = { ...asked, decisions: [yes('U0MIRA', miras)], revision: 2 };
const by = (id: string) => ({ id, via: 'console', userGroups: [] }) as const;
const word = (passkey?: SoftPasskey) => ({
  ...({ choice: 'approve', reason: null, fingerprint: null } as const),
  ...(passkey === undefined ? {} : { signature: signed(asked, passkey) }),
});

/** A gateway where these keys are registered, whose store compares the keys of a change with them, as the SQL does. */
function gatewayWith(keys: readonly RegisteredKey[]) {
  const commits: Change[] = [];
  const commit = async (change: Change): Promise<Committed> => {
    commits.push(change);
    const asked = new Map(change.signers?.map(({ key, publicKey }) => [key, publicKey]));
    const found = keys.filter(({ id, publicKey }) => asked.get(id) === publicKey).length;
    if (found !== asked.size) return { kind: 'conflict' };
    return { kind: 'committed', approval: { ...approval, state: change.to }, taken: [] };
  };
  const gateway = {
    clock: { now: () => at },
    knownInAdvance: { refreshSoon: async () => undefined },
    announcer: { announce: () => undefined },
    rules: {
      approvers: () => current(keys),
      refresh: async () => undefined,
      conditions: () => [],
      token: () => null,
      principal: () => null,
    },
    inline: { commit: (store: { commit: typeof commit }, change: Change) => store.commit(change) },
    store: { find: async () => approval, append: async () => undefined, commit },
  } as unknown as Parameters<typeof decideApproval>[0];
  return { gateway, commits };
}

describe('A vote whose passkey was revoked after it', () => {
  test('P6: is in nobody’s way: the next signed yes is recorded at once, and counts alone', async () => {
    const { gateway, commits } = gatewayWith([keyOf(alexes, 'U0ALEX')]);
    const decided = await decideApproval(gateway, approval.id, word(alexes), by('U0ALEX'), { pickupMs: 1_000 });
    assert.equal(decided.kind, 'recorded');
    assert.deepEqual(
      commits.map(({ to, signers }) => [to, signers?.map(({ key }) => key)]),
      [['pending', [alexes.name]]],
    );
  });

  test('P1: a vote that counts still needs its key when another completes the quorum', async () => {
    const { gateway, commits } = gatewayWith([keyOf(alexes, 'U0ALEX'), keyOf(miras, 'U0MIRA')]);
    await decideApproval(gateway, approval.id, word(alexes), by('U0ALEX'), { pickupMs: 1_000 });
    assert.deepEqual(
      commits.map(({ to, signers }) => [to, signers?.map(({ key }) => key)]),
      [['approved', [miras.name, alexes.name]]],
    );
  });

  test('can be given anew, with a passkey that counts, in the place of the first', async () => {
    const keys = [keyOf(mirasNew, 'U0MIRA'), keyOf(alexes, 'U0ALEX')];
    const judged = judgeDecision(approval, word(mirasNew), by('U0MIRA'), at, current(keys));
    assert.ok(judged.kind === 'recorded');
    assert.deepEqual([judged.next, judged.instead?.signature?.key], ['pending', miras.name]);
    const { gateway, commits } = gatewayWith(keys);
    await decideApproval(gateway, approval.id, word(mirasNew), by('U0MIRA'), { pickupMs: 1_000 });
    const [{ instead, events }] = commits as [Change];
    assert.deepEqual([instead, events[0]?.type, events[0]?.data.instead], ['approve', 'approval.decided', 'approve']);
  });

  test('P1: and not while it counts, while that cannot be told, by another way, or without a signature', () => {
    const reasonOf = (keys: readonly RegisteredKey[] | null, passkey?: SoftPasskey, votes = approval.decisions) => {
      const judged = judgeDecision({ ...approval, decisions: votes }, word(passkey), by('U0MIRA'), at, current(keys));
      return judged.kind === 'refused' && judged.reason;
    };
    const fresh = keyOf(mirasNew, 'U0MIRA');
    assert.equal(reasonOf([fresh, keyOf(miras, 'U0MIRA')], mirasNew), 'already_voted');
    assert.equal(reasonOf(null, mirasNew), 'already_voted');
    assert.equal(reasonOf([fresh]), 'signature_required');
    assert.equal(reasonOf([fresh], miras), 'bad_signature');
    const elsewhere = { ...yes('mira', miras), person: 'U0MIRA' };
    assert.equal(reasonOf([fresh], mirasNew, [elsewhere]), 'already_voted');
  });
});

describe('Who may sign by a user group of Slack', () => {
  /** A call that Rita may approve by nothing but the user group. `members`: of that group. */
  const world = (members: readonly string[]) => {
    const group = { people: [], userGroups: ['S0ONCALL'] };
    const call = sampleApproval({ requirement: { ...group, stepUp: { origin: ORIGIN } } });
    const key = { ...keyOf(mirasNew, 'U0RITA'), name: 'laptop', counter: 0, at, endedAt: null };
    const { gateway, commits } = gatewayWith([key]);
    const person = async (user: string, groups: readonly string[]) => ({
      userGroups: members.includes(user) ? groups : [],
    });
    const approvers = () => ({ ...current([key]), ...group });
    const nonce = { ...{ person: 'U0RITA', login: 'l', purpose: 'approve', approval: call.id, choice: 'approve' } };
    const deps = {
      gateway: {
        ...{ ...gateway, cards: { person }, storeWatch: { tellSets: async () => undefined } },
        ...{ store: { ...gateway.store, find: async () => call }, vault: { digest: () => 'd', digests: () => ['d'] } },
        rules: { ...gateway.rules, approvers, persons: () => STRANGERS, approval: { pickupMs: 1_000 } },
      },
      keys: { list: async () => [key], used: async () => 'taken' },
      ...{
        proof,
        nonces: { issue: async () => true, spend: async () => ({ ...nonce, endsAt: new Date(at.getTime() + 1) }) },
      },
    } as unknown as SigningDeps;
    const rita = { approver: by('U0RITA'), login: 'l' };
    const { v: _, frozen: __, ...given } = signed(call, mirasNew);
    return {
      commits,
      prepare: () => prepareSigning(deps, call.id, rita, 'n'.repeat(43)),
      decide: () => decideBySignature(deps, call.id, given, rita, { reason: null, fingerprint: null }),
    };
  };

  test('P1: a member gets what is to be signed, and the signed yes counts by the group', async () => {
    const { prepare, decide, commits } = world(['U0RITA']);
    assert.equal((await prepare()).kind, 'prepared');
    assert.equal((await decide()).kind, 'recorded');
    assert.deepEqual(
      commits.map(({ to, decision }) => [to, decision?.userGroup]),
      [['approved', 'S0ONCALL']],
    );
  });

  test('P1: nobody else does, neither gets it nor signs', async () => {
    const { prepare, decide, commits } = world(['U0EVE']);
    for (const refused of [await prepare(), await decide()])
      assert.equal(refused.kind === 'refused' && refused.reason, 'not_an_approver');
    assert.deepEqual(commits, []);
  });
});
