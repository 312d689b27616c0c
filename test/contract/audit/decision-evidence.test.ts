import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { evidenceProof } from '../../../src/cli/audit/evidence-proof.ts';
import { evidenceReportText } from '../../../src/cli/audit/evidence-text.ts';
import {
  type DecisionEvidence,
  evidenceLine,
  evidenceText,
  type ProvenStep,
  readEvidence,
  readEvidenceLine,
} from '../../../src/domain/log/decision-evidence.ts';
import type { EvidenceFault, EvidenceReport } from '../../../src/domain/log/evidence-report.ts';
import { judgeEvidence } from '../../../src/domain/log/judge-evidence.ts';
import { type Disclosing, disclosedRecords } from '../../../src/gateway/log/disclosed.ts';
import { enclosedRequest } from '../../../src/gateway/log/enclose.ts';
import { exportLog } from '../../../src/gateway/log/export.ts';
import { takeEvidence } from '../../../src/gateway/log/take-evidence.ts';
import type { KeptKey, NewApproval } from '../../../src/ports.ts';
import { keepPolicyTexts } from '../../../src/sql/log/policy-texts.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { vault } from '../../../src/vault/vault.ts';
import { type AuditWorld, auditWorld, event, SECRET, verifyLines } from '../../support/audit/world.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout } from '../../support/store/servers.ts';

const OURS = vault([SECRET]);
const STRANGER = vault(['another secret, of somebody else’s own']);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const POLICY = '{"version":"1","default":"deny"}';
const CARD = '[{"type":"section"}]';

type Said = Parameters<typeof event>[1];

/** The events of one approval that ran, as a gateway writes them, but for what this is not about. */
function storyOf(approval: string, fingerprint = 'f'.repeat(64)): ReturnType<typeof event>[] {
  const about = { approval, server: 'prometheus', tool: 'create_api_key', grant: 'release-bot' };
  const say = (type: NonNullable<Said>['type'], actor: string, data: NonNullable<Said>['data']) =>
    event('', { ...about, type: type!, actor, data: data! });
  return [
    say('approval.requested', 'grant:release-bot', { fingerprint, quorum: 2, policy: sha256(POLICY) }),
    say('card.posted', 'holdfast', { digest: `1.${sha256(CARD)}` }),
    say('approval.decided', 'slack:U0MIRA', { fingerprint, choice: 'approve', quorum: 2 }),
    say('approval.decided', 'slack:U0ALEX', { fingerprint, choice: 'approve', quorum: 2 }),
    say('call.dispatched', 'holdfast', { votes: [] }),
    say('call.succeeded', 'holdfast', {}),
  ];
}

for (const kind of ['pglite', 'postgres'] as const) {
  describe(`the evidence of one decision, in ${kind}`, { skip: kind === 'postgres' && skipWithout('postgres') }, () => {
    let world: AuditWorld;
    // The card's row would need its approval's, which this is not about.
    const records = () => ({
      ...sqlRecords(world.db, TEST_SEALS),
      cards: async () => new Map([[sha256(CARD), CARD]]),
    });
    const taken = async (approval: string): Promise<string> => {
      const found = await takeEvidence(world.gateway, records(), approval);
      assert.equal(found.kind, 'taken');
      return found.kind === 'taken' ? found.line : '';
    };
    const judged = (line: string, keys = OURS.publicKeys, log: string | null = null): EvidenceReport =>
      judgeEvidence(readEvidenceLine(line), { keys, log }, evidenceProof());
    const kinds = (report: EvidenceReport): string[] => [...new Set(report.faults.map((fault) => fault.kind))];

    before(async () => {
      world = await auditWorld(kind);
      await keepPolicyTexts(world.db, new Map([[sha256(POLICY), POLICY]]));
      // Others' calls are between, in several checkpoints, so that proofs have paths.
      for (const [n, said] of storyOf('ap_1').entries()) {
        await world.log(event(`before ${n}`), said, event(`after ${n}`));
        if (n % 2 === 1) await world.sign();
      }
      await world.log(...storyOf('ap_2'));
      await world.sign();
    });
    after(() => world.close());

    test('P7: fits with the public key alone, and tells the whole story', async () => {
      const report = judged(await taken('ap_1'));
      assert.deepEqual(report.faults, []);
      assert.deepEqual([report.covered, report.steps.length, report.cards, report.policy], [6, 6, 1, POLICY]);
      assert.deepEqual(
        report.steps.map(({ type }) => type),
        storyOf('ap_1').map(({ type }) => type),
      );
    });

    test('P7: holds nothing of other calls', async () => {
      const line = await taken('ap_1');
      assert.doesNotMatch(line, /ap_2|"before|"after/);
    });

    test('P7: what can be erased is proven until it is; then the file says by whom, and one from before still fits', async () => {
      const id = 'ap_e';
      const key = OURS.seal('erasable', id, new TextEncoder().encode(OURS.random(32)));
      let kept: KeptKey = { key, erasure: null };
      const erasures = { keys: async () => new Map([[id, kept]]) };
      const readable = () => disclosedRecords(records(), { erasures, vault: OURS });
      const takenNow = async (): Promise<string> => {
        const found = await takeEvidence(world.gateway, readable(), id);
        return found.kind === 'taken' ? found.line : assert.fail(found.kind);
      };
      const [asked, ...rest] = storyOf(id);
      const whole = { ...asked!, data: { ...asked!.data, arguments: { customer: 'Ada' }, statedReason: null } };
      const made = { approval: { id }, erasable: key } as NewApproval;
      await world.log(enclosedRequest(OURS, made, whole), ...rest);
      await world.sign();
      const before = await takenNow();
      const report = judged(before);
      assert.deepEqual([report.faults, report.complete, report.erased], [[], true, undefined]);
      assert.deepEqual(report.steps[0]?.data.arguments, { customer: 'Ada' });

      // Somebody took the key away, and no event says that it was erased.
      kept = { key: null, erasure: null };
      assert.deepEqual(kinds(judged(await takenNow())), ['undisclosed']);

      const said = { approval: id, type: 'data.erased', actor: 'admin', data: { reason: 'she asked' } } as const;
      await world.log(event('', said));
      await world.sign();
      kept = { key: null, erasure: { by: 'admin', at: '2026-11-30T12:00:00.000Z', reason: 'she asked' } };
      const after = await takenNow();
      const erased = judged(after);
      assert.deepEqual([erased.faults, erased.complete, erased.erased?.reason], [[], true, 'she asked']);
      assert.doesNotMatch(after, /Ada/);
      assert.match(evidenceReportText(erased).toString(), /was erased by admin on \d{4}-\d\d-\d\d: she asked/);
      assert.deepEqual(judged(before).faults, []);
      // What the file before it discloses is for that file's events: one character of it, and it is another's.
      const draft = readEvidence(readEvidenceLine(before)!.text)!;
      for (const spoilt of [
        { ...draft, disclosed: [{ ...draft.disclosed![0]!, data: { arguments: { customer: 'Eve' } } }] },
        { ...draft, disclosed: [...draft.disclosed!, { ...draft.disclosed![0]!, commitment: '0'.repeat(64) }] },
      ]) {
        const text = evidenceText(spoilt);
        const line = evidenceLine({ text, key: OURS.publicKeys[0]!, signature: OURS.sign(text) });
        assert.ok(kinds(judged(line)).includes('other_disclosed'));
      }
      assert.equal((await world.verify()).report.faults.length, 0, 'the chain verifies');
    });

    test('P7: an export says what can be erased beside its events, and verifying it finds another', async () => {
      const id = 'ap_x';
      const key = OURS.seal('erasable', id, new TextEncoder().encode(OURS.random(32)));
      const erasures = { keys: async () => new Map([[id, { key, erasure: null }]]) };
      const asked = storyOf(id)[0]!;
      const whole = { ...asked, data: { ...asked.data, arguments: { customer: 'Grace' } } };
      await world.log(enclosedRequest(OURS, { approval: { id }, erasable: key } as NewApproval, whole));
      await world.sign();
      const AT = new Date();
      const export_ = async (erasable: Disclosing | null): Promise<string[]> => {
        let text = '';
        for await (const part of exportLog(world.ledger, AT, OURS.publicKeys, null, erasable)) text += part;
        return text.trimEnd().split('\n');
      };
      const trust = { keys: OURS.publicKeys, elsewhere: [] };
      const plain = await export_(null);
      assert.ok(plain.every((line) => !line.includes('Grace')));
      const lines = await export_({ erasures, vault: OURS });
      const own = lines.find((line) => line.startsWith('{"disclosed":'))!;
      assert.match(own, /Grace/);
      assert.deepEqual(
        lines.filter((line) => line !== own),
        plain,
      );
      const verified = await verifyLines(lines, trust);
      assert.deepEqual([verified.report.faults, verified.problems, verified.disclosed], [[], [], 1]);
      const forged = await verifyLines(
        lines.map((line) => (line === own ? own.replace('Grace', 'Gracy') : line)),
        trust,
      );
      assert.match(forged.problems.join(), /is not what the event before it encloses/);
      const moved = await verifyLines([lines[0]!, own, ...lines.slice(1).filter((line) => line !== own)], trust);
      assert.match(moved.problems.join(), /is not what the event before it encloses/);
    });

    test('P7: what is not signed yet is told apart, and fits', async () => {
      await world.log(...storyOf('ap_3').slice(0, 3));
      const report = judged(await taken('ap_3'));
      assert.deepEqual([report.faults, report.covered, report.steps.length], [[], 0, 3]);
      await world.log(storyOf('ap_3')[3]!);
      await sql`update holdfast.events set seq = null, hash = null
        where seq = (select max(seq) from holdfast.events)`.execute(world.db);
      const unsealed = judged(await taken('ap_3'));
      assert.deepEqual([unsealed.faults, unsealed.steps.at(-1)?.seq], [[], null]);
      await world.store.seal(100);
      await world.sign();
      assert.equal(judged(await taken('ap_3')).covered, 4);
    });

    test('there is none of what the log does not know', async () => {
      assert.deepEqual(await takeEvidence(world.gateway, records(), 'ap_nothing'), { kind: 'not_found' });
      const elsewhere = { ...world.gateway, vault: STRANGER };
      assert.ok(['no_key', 'taken'].includes((await takeEvidence(elsewhere, records(), 'ap_1')).kind));
    });

    test('P7: a key that the auditor does not have proves nothing, nor does another log', async () => {
      const line = await taken('ap_1');
      assert.ok(kinds(judged(line, STRANGER.publicKeys)).includes('foreign_signer'));
      assert.ok(kinds(judged(line, OURS.publicKeys, 'log_other')).includes('chain'));
    });

    test('P7: of several keys that the auditor has, each must have come into force', async () => {
      const both = judged(await taken('ap_1'), [...OURS.publicKeys, ...STRANGER.publicKeys]);
      assert.deepEqual(kinds(both), ['unused_key']);
    });

    test('P7: any one changed character shows', async () => {
      const line = (await taken('ap_1')).trimEnd();
      for (let at = 0; at < line.length; at += 97) {
        const other = line[at] === 'a' ? 'b' : 'a';
        const report = judged(line.slice(0, at) + other + line.slice(at + 1));
        assert.ok(report.faults.length > 0, `character ${at}`);
      }
    });

    /** Forgeries by somebody who can sign as the gateway, which the proofs must show none the less; and without. */
    type Draft = { -readonly [K in keyof DecisionEvidence]: DecisionEvidence[K] };
    const FORGERIES: readonly {
      readonly what: string;
      readonly named: EvidenceFault['kind'];
      spoil(draft: Draft, other: DecisionEvidence): void;
    }[] = [
      {
        what: 'an event’s text is changed',
        named: 'changed_event',
        spoil: (draft) => {
          draft.events = changed(draft.events, 2, (step) => ({ ...step, text: step.text.replace('U0MIRA', 'U0EVIL') }));
        },
      },
      {
        what: 'an event’s text is changed, and its hash made anew',
        named: 'not_included',
        spoil: (draft) => {
          draft.events = changed(draft.events, 2, (step) => {
            const text = step.text.replace('U0MIRA', 'U0EVIL');
            return { ...step, text, hash: sha256(`${step.previous}\n${step.seq}\n${text}`) };
          });
        },
      },
      {
        what: 'a decision is taken from another approval',
        named: 'other_event',
        spoil: (draft, other) => {
          draft.events = [...draft.events.slice(0, 2), ...other.events.slice(2)];
        },
      },
      {
        what: 'a proof is taken from another event',
        named: 'not_included',
        spoil: (draft) => {
          draft.events = changed(draft.events, 2, (step) => ({ ...step, path: draft.events[4]!.path }));
        },
      },
      {
        what: 'an event is moved to another place',
        named: 'changed_event',
        spoil: (draft) => {
          draft.events = changed(draft.events, 2, (step) => ({ ...step, seq: step.seq! + 1 }));
        },
      },
      {
        what: 'an event stands twice',
        named: 'changed_event',
        spoil: (draft) => {
          draft.events = [...draft.events.slice(0, 3), ...draft.events.slice(2)];
        },
      },
      {
        what: 'one of two votes is left out',
        named: 'story',
        spoil: (draft) => {
          draft.events = draft.events.filter((_, n) => n !== 3);
        },
      },
      {
        what: 'the request is left out',
        named: 'story',
        spoil: (draft) => {
          draft.events = draft.events.slice(1);
        },
      },
      {
        what: 'a checkpoint’s signature is another’s',
        named: 'bad_checkpoint',
        spoil: (draft) => {
          const [first, second] = draft.checkpoints;
          draft.checkpoints = [{ ...first!, signature: second!.signature }, ...draft.checkpoints.slice(1)];
        },
      },
      {
        what: 'a checkpoint is signed by a stranger',
        named: 'chain',
        spoil: (draft) => {
          const [first, ...rest] = draft.checkpoints;
          const text = first!.text.replace(OURS.publicKeys[0]!, STRANGER.publicKeys[0]!);
          draft.checkpoints = [{ text, signature: STRANGER.sign(text) }, ...rest];
        },
      },
      {
        what: 'a card is another one',
        named: 'other_card',
        spoil: (draft) => {
          draft.cards = [{ digest: sha256('[]'), content: '[]' }];
        },
      },
      {
        what: 'a card’s content is changed',
        named: 'other_card',
        spoil: (draft) => {
          draft.cards = draft.cards.map((card) => ({ ...card, content: `${card.content} ` }));
        },
      },
      {
        what: 'the policy’s text is changed',
        named: 'other_policy',
        spoil: (draft) => {
          draft.policy = { ...draft.policy!, text: `${POLICY} ` };
        },
      },
      {
        what: 'the policy is another one',
        named: 'other_policy',
        spoil: (draft) => {
          draft.policy = { digest: sha256('{}'), text: '{}' };
        },
      },
      {
        what: 'it is passed off as that of another approval',
        named: 'other_event',
        spoil: (draft) => {
          draft.approval = 'ap_2';
        },
      },
    ];

    for (const { what, named, spoil } of FORGERIES) {
      test(`P7: a forgery shows: ${what}`, async () => {
        const draft: Draft = { ...readEvidence(readEvidenceLine(await taken('ap_1'))!.text)! };
        spoil(draft, readEvidence(readEvidenceLine(await taken('ap_2'))!.text)!);
        const text = evidenceText(draft);
        const signature = OURS.sign(text);
        const report = judged(evidenceLine({ text, key: OURS.publicKeys[0]!, signature }));
        assert.ok(kinds(report).includes(named), `${JSON.stringify(kinds(report))} lacks ${named}`);
        const byStranger = { text, key: STRANGER.publicKeys[0]!, signature: STRANGER.sign(text) };
        assert.ok(kinds(judged(evidenceLine(byStranger))).includes('foreign_signer'));
      });
    }

    test('P7: a hash that somebody put into a column is not signed', async () => {
      await world.log(event('one'), event('to be forged'), event('three'));
      await sql`update holdfast.events set hash = ${'e'.repeat(64)}
        where seq = (select max(seq) - 1 from holdfast.events)`.execute(world.db);
      assert.equal(await world.sign(), null);
      assert.equal(world.signer.alarmed, true);
    });
  });
}

function changed(steps: readonly ProvenStep[], at: number, by: (step: ProvenStep) => ProvenStep): ProvenStep[] {
  return steps.map((step, n) => (n === at ? by(step) : step));
}
