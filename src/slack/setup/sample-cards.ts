import type { Allowance } from '../../domain/allowance/allowance.ts';
import type { Approval, Decision, State } from '../../domain/approval/approval.ts';
import { NOTHING_HIDDEN, NOTHING_MORE } from '../../domain/call/sent.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import { allowView } from '../card/allow-view.ts';
import { batchView } from '../card/batch-view.ts';
import type { Block } from '../card/block-kit.ts';
import { type CardOptions, renderCard } from '../card/card.ts';
import { renderDigest } from '../card/digest.ts';
import { denyView, fullView, type ModalView, takeBackView } from '../card/modals.ts';

/** Something that Slack will be sent one day. */
export interface Sample {
  /** For people: `the card of a denied call`. */
  readonly what: string;
  readonly blocks?: readonly Block[];
  readonly view?: ModalView;
}

const MINUTE = 60_000;
const OPENED = new Date('2026-01-05T10:00:00.000Z');
const later = (minutes: number): Date => new Date(OPENED.getTime() + minutes * MINUTE);
const vote = (choice: Decision['choice']): Decision => ({
  ...{ approver: 'U0SAMPLE1', choice, reason: 'seen with the team', via: 'slack', self: false, userGroup: null },
  at: later(1),
});

const PENDING: Approval = {
  ...{
    id: 'ap_01kexample0000000000000000',
    state: 'pending',
    revision: 1,
    server: 'prometheus',
    tool: 'create_api_key',
  },
  ...{ grant: 'release-bot', owner: 'U0SAMPLE9', selfApproval: false, fingerprint: '5f'.repeat(32) },
  requirement: {
    ...{ groups: ['security'], people: ['U0SAMPLE1', 'U0SAMPLE2'], userGroups: ['S0SAMPLE'], admin: false, quorum: 2 },
    ...{ denyReason: 'required', remindMs: 5 * MINUTE },
    escalate: { afterMs: 20 * MINUTE, groups: ['oncall'], people: ['U0SAMPLE3'], userGroups: [], admin: false },
  },
  arguments: { name: 'ci-deploy', role: 'editor', expires_in_days: 30, labels: { team: 'a <b> & `c`' } },
  sent: { ...NOTHING_MORE, params: { options: { dryRun: false } } },
  hidden: NOTHING_HIDDEN,
  ...{ answersTo: null, asked: null, questions: 0, answers: [] },
  trace: { rule: 'create_api_key', risk: 'write', severity: 'high', reason: 'Creates a credential.', steps: [] },
  ...{ statedReason: 'The nightly job needs it.', laterReasons: ['Again, for the second job.'], previousUnknown: null },
  ...{ policyDigest: '0'.repeat(64), decisions: [], createdAt: OPENED, expiresAt: later(30), remindedAt: null },
  ...{ escalatedAt: null, awaits: null, pickupUntil: null, leaseUntil: null, note: null, broken: null, seal: '' },
  ...{ callers: 2, gaveUp: 0, updatedAt: OPENED },
};

const ENDED: Readonly<Record<Exclude<State, 'pending'>, Partial<Approval>>> = {
  approved: { decisions: [vote('approve')], pickupUntil: later(60) },
  dispatched: { decisions: [vote('approve')] },
  succeeded: { decisions: [vote('approve')] },
  failed: { decisions: [vote('approve')], note: 'the tool says that the name is taken' },
  unknown: { decisions: [vote('approve')], note: 'its answer was lost' },
  denied: { decisions: [vote('deny')] },
  expired: {},
  withdrawn: { note: 'the agent cancelled the call' },
  lapsed: { decisions: [vote('approve')], note: 'nobody came for it' },
};

export const SAMPLE_FREEZE: Freeze = {
  ...{ id: 'fr_01kexample', scope: { kind: 'server', name: 'prometheus' }, reason: 'an incident', by: 'U0SAMPLE1' },
  since: OPENED,
};

const OFFERED = { minutes: 15, calls: 5, mayVary: ['args.name'], within: ['args.name starts with "ci-"'] };
const OFFERING: Partial<Approval> = {
  trace: { ...PENDING.trace, allowance: { ...OFFERED, like: 'f', look: null } },
};
const BOUNDS = { minutes: 10, calls: 3, within: [], says: [] };

const SAMPLE_ALLOWANCE: Allowance = {
  ...{ id: 'al_01kexample', approval: PENDING.id, grant: PENDING.grant, server: PENDING.server, tool: PENDING.tool },
  ...{ owner: null, token: '', policyDigest: '', ...OFFERED, like: 'f', look: null, bounds: BOUNDS, used: 1 },
  ...{ at: OPENED, until: later(10), by: ['U0SAMPLE1'], ended: null },
};

/** Calls that one message tells together. */
const BURST = Array.from({ length: 8 }, (_, n) => ({
  approval: { ...PENDING, id: `ap_01kexample000000000000000${n}` },
  card: null,
  freeze: null,
}));

/** Arguments that no card has room for. */
const LONG = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`member_${n}`, 'x'.repeat(400)]));

/** One of every kind of card and window. They name nobody and nothing that exists. */
export function sampleCards(publicUrl: string | null): Sample[] {
  const card = (what: string, approval: Partial<Approval>, options: CardOptions = {}): Sample => ({
    what: `the card of ${what}`,
    blocks: renderCard({ ...PENDING, ...approval }, { publicUrl, ...options }).blocks,
  });
  const from = { channel: 'C0SAMPLE', ts: '1767607200.000100' };
  const asked = { kind: 'request', n: 1, text: 'Delete the old key too?' } as unknown as Approval['asked'];
  return [
    card('a call that waits', {}),
    card('a call that waits, in plain text', {}, { plainText: true }),
    card('a call that hides values', { hidden: { ...NOTHING_HIDDEN, byName: 2 } }),
    card('a call that is too long for a card', { arguments: LONG }),
    card('a call whose caller gave up', { gaveUp: 2 }),
    card('a call that may run twice', { previousUnknown: 'ap_01kexample0000000000000001' }),
    card('a frozen call', {}, { freeze: SAMPLE_FREEZE }),
    card('a call of which the like may be allowed', OFFERING),
    card(
      'a call of which the like is allowed',
      { state: 'succeeded', ...ENDED.succeeded },
      { allowance: SAMPLE_ALLOWANCE },
    ),
    card('a call whose record somebody changed', { broken: 'arguments' }),
    card('an answer to a server', { answersTo: 'ap_01kexample0000000000000002', asked }),
    ...Object.entries(ENDED).map(([state, more]) =>
      card(`a call that is ${state}`, { state: state as State, ...more }),
    ),
    { what: 'the message of a burst', blocks: renderDigest({ kind: 'grant', calls: BURST }, { publicUrl }).blocks },
    ...(['approve', 'deny'] as const).map((choice) => ({
      what: `the window to ${choice} several calls`,
      view: batchView(
        BURST.map(({ approval }) => ({ approval, why: null })),
        { choice, leader: PENDING, from, publicUrl, notice: null },
      ),
    })),
    { what: 'the full view', view: fullView({ ...PENDING, arguments: LONG }, from, 0, true) },
    { what: 'the window for a denial', view: denyView(PENDING, from) },
    { what: 'the window for an allowance', view: allowView({ ...PENDING, ...OFFERING }, from)! },
    {
      what: 'the window for confirming an allowance',
      view: allowView({ ...PENDING, ...OFFERING, decisions: [{ ...vote('approve'), offers: BOUNDS }] }, from)!,
    },
    {
      what: 'the window for taking a yes back',
      view: takeBackView({ ...PENDING, ...ENDED.approved, state: 'approved' }, from),
    },
  ];
}
