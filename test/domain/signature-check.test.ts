import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signedText } from '../../src/domain/approval/signing.ts';
import { canonical } from '../../src/domain/json/canonical.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { type SignatureReport, VoteSignatureCheck } from '../../src/domain/log/signature-check.ts';
import { passkeyProof } from '../../src/vault/passkey-proof.ts';
import { SoftPasskey } from '../support/people/authenticator.ts';

const ORIGIN = 'https://holdfast.example.com';
const LOG = 'log_1';
const proof = passkeyProof();
const key = new SoftPasskey(ORIGIN);
const FINGERPRINT = 'f'.repeat(64);

type Event = { readonly type: string; readonly actor?: string; readonly approval?: string; readonly data: Json };

const keyData = { key: key.name, owner: 'U0MIRA', person: 'mira', publicKey: key.publicKey, algorithm: -7 };
const requested: Event = { type: 'key.requested', actor: 'slack:U0MIRA', data: keyData };
const registered: Event = {
  type: 'key.registered',
  actor: 'slack:U0OLGA',
  data: { ...keyData, breakGlass: false },
};
const asked: Event = {
  type: 'approval.requested',
  approval: 'ap_1',
  data: { fingerprint: FINGERPRINT, quorum: 1, stepUp: { origin: ORIGIN } },
};
const sent: Event = { type: 'call.dispatched', approval: 'ap_1', data: {} };

function signed(different: { approval?: string; log?: string; choice?: 'approve' | 'deny' } = {}): Json {
  const { approval = 'ap_1', log = LOG, choice = 'approve' } = different;
  const nonce = Buffer.alloc(32, 1).toString('base64url');
  const frozen = '0'.repeat(64);
  const text = signedText({ nonce, log, approval, fingerprint: FINGERPRINT, choice, frozen });
  const { response } = key.use(proof.challenge(text));
  const { authenticatorData, clientDataJSON, signature } = response as Record<string, string>;
  return {
    ...{ v: 1, key: key.name, nonce, frozen, signature: signature! },
    ...{ authenticatorData: authenticatorData!, clientData: clientDataJSON! },
  };
}

function decided(data: { readonly [name: string]: Json } = {}, actor = 'slack:U0MIRA'): Event {
  const vote = { choice: 'approve', person: 'mira', fingerprint: FINGERPRINT, signature: signed() };
  return { type: 'approval.decided', actor, approval: 'ap_1', data: { ...vote, ...data } };
}

function check(events: readonly Event[], log: string | null = LOG): SignatureReport {
  const found = new VoteSignatureCheck(proof);
  for (const [n, event] of events.entries())
    found.event({ seq: n + 1, text: canonical({ approval: null, ...event } as Json) }, n < 2 ? null : log);
  return found.end(log);
}

const whys = (events: readonly Event[]) => check(events).faults.map(({ seq, why }) => `${seq}: ${why}`);

describe('The signatures of a log, by the log alone', () => {
  test('P7: a sending that only ends like a plainly allowed call is judged', () => {
    const found = new VoteSignatureCheck(proof);
    const texts = [asked, { ...sent, 'zz"type': 'call.allowed' }].map((event) => canonical(event as unknown as Json));
    assert.ok(texts[1]!.endsWith('"type":"call.allowed"}'));
    for (const [n, text] of texts.entries()) found.event({ seq: n + 1, text }, LOG);
    assert.deepEqual(
      found.end(LOG).faults.map(({ seq }) => seq),
      [2],
    );
  });

  test('P7: a sending or a request that is written as no gateway writes it is judged', () => {
    const [request, sending] = [asked, sent].map((event) => canonical(event as unknown as Json)) as [string, string];
    const faults = (...texts: readonly string[]) => {
      const found = new VoteSignatureCheck(proof);
      for (const [n, text] of texts.entries()) found.event({ seq: n + 1, text }, LOG);
      return found.end(LOG).faults.map(({ seq }) => seq);
    };
    assert.deepEqual(faults(request, sending), [2]);
    for (const odd of [
      sending.replace('"type":"call', '"type": "call'),
      sending.replace('"type":"call', '"type":"c\\u0061ll'),
      sending.replace('"type":"call.dispatched"', '"type":"call.dispatched" '),
    ]) {
      assert.notEqual(odd, sending);
      assert.deepEqual(faults(request, odd), [2], odd);
    }
    for (const odd of [request.replace('"stepUp":{', '"stepUp" : {'), request.replace('"stepUp"', '"\\u0073tepUp"')]) {
      assert.notEqual(odd, request);
      assert.deepEqual(faults(odd, sending), [2], odd);
    }
  });

  test('P7: a signed call by a registered key fits', () => {
    const report = check([requested, registered, asked, decided(), sent]);
    assert.deepEqual(report, { verified: 1, registered: 1, breakGlass: 0, faults: [] });
  });

  test('P7: without a signature, or with another’s, neither the vote nor the sending fits', () => {
    const table: readonly (readonly [Event, RegExp])[] = [
      [decided({ signature: null }), /without a signature/],
      [decided({ signature: signed({ approval: 'ap_2' }) }), /challenge/],
      [decided({ signature: signed({ log: 'log_2' }) }), /challenge/],
      [decided({ signature: signed({ choice: 'deny' }) }), /challenge/],
      [decided({ signature: { ...(signed() as object), key: 'other' } as Json }), /not registered/],
      [decided({ person: 'alex' }, 'slack:U0ALEX'), /signed by the passkey of U0MIRA/],
      [decided({ fingerprint: 'e'.repeat(64) }), /another call/],
    ];
    for (const [vote, why] of table) {
      const faults = whys([requested, registered, asked, vote, sent]);
      assert.match(faults[0] ?? '', why);
      assert.match(faults.at(-1) ?? '', /5: sent a call that 1 had to sign, and 0 had signed/);
    }
  });

  test('P7: a key counts after a second person registered it, and until it is revoked', () => {
    const revoked: Event = { type: 'key.revoked', data: { key: key.name } };
    const suspended: Event = { type: 'key.suspended', data: { key: key.name } };
    const byOwner: Event = { ...registered, actor: 'slack:U0MIRA' };
    const glass: Event = { ...registered, actor: 'admin', data: { ...keyData, breakGlass: true } };
    assert.match(
      whys([requested, asked, decided(), registered, sent])[0] ?? '',
      /3: .*not registered in the log before/,
    );
    assert.match(whys([requested, byOwner, asked])[0] ?? '', /no second person/);
    assert.match(whys([registered, asked])[0] ?? '', /did not ask/);
    for (const over of [revoked, suspended]) {
      assert.match(whys([requested, registered, over, asked, decided()])[0] ?? '', /not registered/);
      assert.match(whys([requested, registered, asked, decided(), over, sent])[0] ?? '', /0 had signed/);
    }
    assert.deepEqual(check([requested, glass, asked, decided(), sent]).breakGlass, 1);
  });

  test('P7: two people are two, and no vote counts for a call that nobody could sign', () => {
    const two = { ...asked, data: { ...(asked.data as object), quorum: 2 } as Json };
    assert.match(whys([requested, registered, two, decided(), decided(), sent])[0] ?? '', /2 had to sign, and 1 had/);
    const nobody = { ...asked, data: { ...(asked.data as object), stepUp: { origin: null } } as Json };
    assert.match(whys([requested, registered, nobody, decided()])[0] ?? '', /nobody could sign/);
  });

  test('P7: nothing is sent once it was denied or over, signed or not', () => {
    const ends = [
      'approval.expired',
      'approval.withdrawn',
      'approval.lapsed',
      'approval.taken_back',
      'call.failed',
      'call.unknown',
    ];
    for (const type of ends) {
      const end: Event = { type, approval: 'ap_1', data: {} };
      assert.match(whys([requested, registered, asked, end, sent]).join(), /was over/, type);
      assert.match(whys([requested, registered, asked, decided(), end, sent]).join(), /was over/, type);
    }
    const denied = decided({ choice: 'deny', signature: null }, 'slack:U0OTHER');
    assert.match(whys([requested, registered, asked, denied, decided(), sent]).join(), /was over/);
  });

  test('P7: a call that goes on keeps the yes of a key that was revoked meanwhile; one that was never sent does not go on', () => {
    const revoked: Event = { type: 'key.revoked', data: { key: key.name } };
    const goesOn: Event = { type: 'call.dispatched', approval: 'ap_1', data: { continues: 'ap_1' } };
    assert.deepEqual(whys([requested, registered, asked, decided(), sent, revoked, goesOn]), []);
    assert.match(whys([requested, registered, asked, decided(), revoked, goesOn]).join(), /0 had signed/);
    const other: Event = { ...goesOn, data: { continues: 'ap_2' } };
    assert.match(whys([requested, registered, asked, decided(), sent, revoked, other]).join(), /0 had signed/);
  });

  test('P7: where a stretch of the log is gone, who signed in it is not known; who was revoked and what was over before it is', () => {
    const across = (before: readonly Event[], after: readonly Event[]): SignatureReport => {
      const found = new VoteSignatureCheck(proof);
      const read = (events: readonly Event[], from: number): void => {
        for (const [n, event] of events.entries())
          found.event({ seq: from + n, text: canonical({ approval: null, ...event } as Json) }, LOG);
      };
      read(before, 1);
      found.beginLate();
      read(after, 100);
      return found.end(LOG);
    };
    // The votes were in what is gone.
    assert.deepEqual(across([requested, registered, asked], [sent]).faults, []);
    const later = across([requested, registered], [asked, decided(), sent]);
    assert.deepEqual([later.verified, later.faults], [1, []]);
    const revoked: Event = { type: 'key.revoked', data: { key: key.name } };
    assert.match(
      across([requested, registered, revoked], [asked, decided(), sent]).faults[0]?.why ?? '',
      /not registered/,
    );
    const denied = decided({ choice: 'deny', signature: null }, 'slack:U0OTHER');
    assert.match(across([requested, registered, asked, denied], [sent]).faults[0]?.why ?? '', /was over/);
  });

  test('a log without an id has signatures that nobody can check; one without signatures has none', () => {
    assert.match(check([requested, registered, asked, decided()], null).faults[0]?.why ?? '', /no id/);
    assert.deepEqual(check([]).faults, []);
  });
});
