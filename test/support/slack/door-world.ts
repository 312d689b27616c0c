import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { type SlackStandIn, type SlackStandInOptions, startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import { judgeDecision as judge, withDecision } from '../../../src/domain/approval/decide.ts';
import { judgeTakeBack, takenBackNote } from '../../../src/domain/approval/take-back.ts';
import type { SeenApproval } from '../../../src/gateway/decision/decide.ts';
import type { CardDelivery, CardRecord, Cards, Clock } from '../../../src/ports.ts';
import { slackCards } from '../../../src/slack/cards.ts';
import { type SlackDeps, type SlackDoor, slackDoor } from '../../../src/slack/door.ts';
import { People } from '../../../src/slack/people/people.ts';
import { slackWebDoor } from '../../../src/slack/web-door.ts';
import type { SlackApi } from '../../../src/slack/wire/api.ts';
import { slackClient } from '../../../src/slack/wire/client.ts';
import { fetchSlackClient } from '../../../src/slack/wire/fetch-client.ts';
import { TestClock } from '../clock.ts';
import { currentOf, sampleApproval } from '../domain/approval.ts';
import { quiet } from '../log.ts';

export const CHANNEL = 'C0APPROVALS';

export interface Refusal {
  readonly id: string;
  readonly actor: string;
  readonly reason: string;
  readonly choice: string;
}

/** The approvers' door between the Slack stand-in and a store in memory. */
export interface DoorWorld {
  readonly slack: SlackStandIn;
  readonly clock: TestClock;
  readonly cards: Cards;
  readonly door: SlackDoor;
  readonly approvals: Map<string, Approval>;
  readonly records: Map<string, CardRecord>;
  readonly refusals: Refusal[];
  /** What this process remembers of approvals and cards. */
  readonly remembered: Map<string, SeenApproval>;
  /** Set to make the store fail. */
  broken: Error | null;
  /** Opens an approval and posts its card. */
  open(different?: Parameters<typeof sampleApproval>[0]): Promise<{ id: string; ts: string }>;
  /** Brings the card up to date, as the outbox does. */
  show(id: string): Promise<CardDelivery>;
  stateOf(id: string): string;
  close(): Promise<void>;
}

export interface DoorWorldOptions {
  /** `plain`: over HTTP without Slack's libraries. */
  readonly transport?: 'http' | 'socket' | 'plain';
  readonly standIn?: SlackStandInOptions;
  readonly deps?: Partial<SlackDeps>;
}

let made = 0;

export async function doorWorld(options: DoorWorldOptions = {}): Promise<DoorWorld> {
  const { transport = 'http', deps = {} } = options;
  const slack = await startSlackStandIn({ rates: false, ...options.standIn });
  const clock = new TestClock();
  const memory = {
    approvals: new Map<string, Approval>(),
    records: new Map<string, CardRecord>(),
    refusals: [] as Refusal[],
    remembered: new Map<string, SeenApproval>(),
    broken: null as Error | null,
  };
  const credentials = { token: slack.botToken, apiUrl: slack.apiUrl, log: quiet, timeoutMs: 1000 };
  const api = transport === 'plain' ? fetchSlackClient(credentials) : slackClient(credentials);
  const people = new People({ api, clock, team: 'T0MAIN', enterprise: deps.enterprise });
  const cards = slackCards({ api, people: () => people, routing: { channel: CHANNEL, ...deps }, clock, log: quiet });
  const settings: SlackDeps = {
    botToken: slack.botToken,
    signingSecret: slack.signingSecret,
    ...(transport === 'socket' ? { appToken: slack.appToken } : {}),
    apiUrl: slack.apiUrl,
    channel: CHANNEL,
    team: 'T0MAIN',
    appId: 'A0HOLDFAST',
    clock,
    log: quiet,
    api,
    people,
    ...useCases(memory, clock),
    ...deps,
  };
  const door = transport === 'plain' ? plainDoor(settings, api) : slackDoor(settings);
  const server = serve({ fetch: new Hono().route('/', door.app).fetch, port: 0, hostname: '127.0.0.1' });
  await new Promise<void>((resolve) => (server.listening ? resolve() : server.once('listening', () => resolve())));
  slack.interactivityUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`;
  await door.start();

  async function show(id: string): Promise<CardDelivery> {
    const approval = memory.approvals.get(id)!;
    const shown = await cards.show(approval, memory.records.get(id) ?? null);
    if (shown.kind === 'shown') {
      const { channel, ts, digest } = shown;
      memory.records.set(id, { approval: id, channel, ts, digest, revision: approval.revision, postedAt: clock.now() });
    }
    return shown;
  }

  return {
    slack,
    clock,
    cards,
    door,
    approvals: memory.approvals,
    records: memory.records,
    refusals: memory.refusals,
    remembered: memory.remembered,
    get broken() {
      return memory.broken;
    },
    set broken(error) {
      memory.broken = error;
    },
    async open(different = {}) {
      const id = `ap_${++made}`;
      const createdAt = clock.now();
      const times = { createdAt, expiresAt: new Date(createdAt.getTime() + 30 * 60_000), updatedAt: createdAt };
      memory.approvals.set(id, sampleApproval({ id, ...times, ...different }));
      const shown = await show(id);
      if (shown.kind !== 'shown') throw new Error(`the card was not shown: ${JSON.stringify(shown)}`);
      return { id, ts: shown.ts };
    },
    show,
    stateOf: (id) => memory.approvals.get(id)!.state,
    async close() {
      await door.stop();
      await new Promise((resolve) => {
        server.close(resolve);
        (server as { closeAllConnections?: () => void }).closeAllConnections?.();
      });
      await slack.close();
    },
  };
}

function plainDoor(settings: SlackDeps, api: SlackApi): SlackDoor {
  return { ...slackWebDoor({ ...settings, api }), async start() {} };
}

type Memory = Pick<DoorWorld, 'approvals' | 'records' | 'refusals' | 'remembered'> & { broken: Error | null };

/** The gateway's use cases over this memory: the pure judgement, committed at once. */
function useCases(
  memory: Memory,
  clock: Clock,
): Pick<
  SlackDeps,
  'look' | 'recall' | 'adopt' | 'approvers' | 'decide' | 'refused' | 'revokeAllowance' | 'snooze' | 'takeBack'
> {
  const answer = async () => {
    if (memory.broken) throw memory.broken;
  };
  return {
    recall: (id) => memory.remembered.get(id) ?? null,
    async look(id) {
      await answer();
      const approval = memory.approvals.get(id);
      return approval === undefined ? null : { approval, card: memory.records.get(id) ?? null };
    },
    async adopt(id, channel, ts) {
      memory.records.set(id, { approval: id, channel, ts, revision: 0, digest: '', postedAt: null });
    },
    approvers: (approval) => currentOf(approval),
    async decide(id, word, approver) {
      await answer();
      const approval = memory.approvals.get(id);
      if (approval === undefined) return { kind: 'not_found' };
      const judgement = judge(approval, word, approver, clock.now(), currentOf(approval));
      if (judgement.kind === 'refused') {
        memory.refusals.push({ id, actor: approver.id, reason: judgement.reason, choice: word.choice });
        return { kind: 'refused', reason: judgement.reason, approval };
      }
      const next: Approval = {
        ...approval,
        state: judgement.next,
        revision: approval.revision + 1,
        decisions: withDecision(approval.decisions, judgement.decision),
        pickupUntil: judgement.next === 'approved' ? new Date(clock.now().getTime() + 3_600_000) : null,
      };
      memory.approvals.set(id, next);
      return { kind: 'recorded', approval: next, decision: judgement.decision };
    },
    revokeAllowance: async () => 'not_living',
    snooze: async () => ({ kind: 'not_found' }),
    async takeBack(id, word, approver) {
      await answer();
      const approval = memory.approvals.get(id);
      if (approval === undefined) return { kind: 'not_found' };
      const judgement = judgeTakeBack(approval, word, approver, clock.now(), currentOf(approval));
      if (judgement.kind === 'refused') {
        memory.refusals.push({ id, actor: approver.id, reason: judgement.reason, choice: 'take_back' });
        return { kind: 'refused', reason: judgement.reason, approval };
      }
      const note = takenBackNote({ by: approver.id, reason: judgement.reason });
      const next: Approval = { ...approval, state: 'lapsed', revision: approval.revision + 1, note };
      memory.approvals.set(id, next);
      return { kind: 'taken_back', approval: next };
    },
    async refused(id, actor, reason, choice) {
      memory.refusals.push({ id, actor, reason, choice });
    },
  };
}
