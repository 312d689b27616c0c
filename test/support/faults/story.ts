/** One call from its start to its end, although the process that holds it dies on the way. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultPoint } from '../../../src/gateway/fault-point.ts';
import { Agent, textOf } from '../agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../upstream/counting.ts';
import { eventually } from '../wait.ts';

/** A fault point of the gateway, or the moment at which the server has the call but has not answered. */
export type Point = FaultPoint | 'send.during';

/** What everybody sees in the end when the process dies at this point. */
export interface StoryEnding {
  /** What the agent is told when it repeats the call as instructed. */
  readonly heard: 'result' | 'unknown';
  /** The server's own count. */
  readonly arrived: 0 | 1;
  readonly state: 'succeeded' | 'unknown';
}

const DONE: StoryEnding = { heard: 'result', arrived: 1, state: 'succeeded' };
const NEVER_SENT: StoryEnding = { heard: 'unknown', arrived: 0, state: 'unknown' };
const SENT: StoryEnding = { heard: 'unknown', arrived: 1, state: 'unknown' };

/** The same table as in docs/operations.md. */
export const ENDINGS: Readonly<Record<Point, StoryEnding>> = {
  'open.before': DONE,
  'open.after': DONE,
  'publish.before': DONE,
  'publish.after': DONE,
  'post.before': DONE,
  'post.after': DONE,
  'decide.before': DONE,
  'decide.after': DONE,
  'wake.before': DONE,
  'dispatch.before': DONE,
  'dispatch.after': NEVER_SENT,
  'send.during': SENT,
  'send.after': SENT,
  'outcome.before': SENT,
  'outcome.after': DONE,
  'collect.before': DONE,
  'collect.after': DONE,
};

/**
 * Steps that are reached only when deciding and spending are separate commits, because no caller waits at the gateway
 * that decides. Here the agent first gets the pending result, and repeats its call only after this event.
 */
const APART: Partial<Record<Point, 'dead' | 'decided'>> = { 'decide.after': 'dead', 'dispatch.before': 'decided' };

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval, risk: write }
`;
/** Milliseconds within which a story must end, on a busy machine. */
const LONG = 90_000;

/** A server that answers every call but the one that is to be cut off. */
export async function slowUpstream(): Promise<CountingUpstream> {
  const upstream = await countingUpstream();
  upstream.behave = async ({ args }) => {
    if (args.name === 'send.during') await sleep(LONG, undefined, { ref: false });
    return { text: `made ${args.name}` };
  };
  return upstream;
}

export function storyHouse(upstream: CountingUpstream, more: { redisUrl?: string; databaseUrl?: string } = {}) {
  return openHouse({
    servers: { counting: { at: `url: ${upstream.url}`, policy: POLICY } },
    approval: '{ timeout: 3m, hold: { default: 3s, progress: 3s } }',
    env: { NODE_ENV: 'test', HOLDFAST_LEASE_MS: '3000' },
    ...more,
  });
}

export class Story {
  readonly #home: House;
  readonly #upstream: CountingUpstream;
  readonly #point: Point;
  readonly #doomed: GatewayProcess;
  #gateway: GatewayProcess;
  #heard: { text: string; approval: string } | null = null;

  constructor(home: House, upstream: CountingUpstream, point: Point, doomed: GatewayProcess) {
    this.#home = home;
    this.#upstream = upstream;
    this.#point = point;
    this.#doomed = doomed;
    this.#gateway = doomed;
  }

  /** A process that dies at this point; at `send.during` it is killed from outside. */
  static doomed(home: House, point: Point): Promise<GatewayProcess> {
    return home.start(point === 'send.during' ? {} : { env: { HOLDFAST_FAULT: point } });
  }

  /** Agent and approver carry on; the process that `standIn` returns takes the dead one's place. */
  async tell(standIn: () => Promise<GatewayProcess>): Promise<void> {
    const dying = this.#untilDead().then(async () => {
      this.#gateway = await standIn();
    });
    // Every later state updates the card, too: nobody decides before the process has died over the question's own card.
    const rests = Promise.withResolvers<void>();
    const apart = APART[this.#point];
    const first = this.#point.startsWith('post.') ? dying : apart === undefined ? Promise.resolve() : rests.promise;
    const approving = first.then(() => this.#approve());
    const comesAgain = apart === 'dead' ? dying : apart === 'decided' ? approving : Promise.resolve();
    const asking = this.#ask(rests.resolve, comesAgain).then((heard) => {
      this.#heard = heard;
    });
    await Promise.all([asking, approving, dying]);
    const ending = ENDINGS[this.#point];
    await this.#assertTrue(ending);
    if (ending.heard === 'unknown' && this.#point !== 'send.during') await this.#repeatKnowingly();
  }

  async #untilDead(): Promise<void> {
    if (this.#point === 'send.during') {
      await eventually('the server has the call', () => (this.#arrived() > 0 ? true : null), LONG);
      await this.#doomed.kill();
    }
    await eventually('the process dies at its point', () => (alive(this.#doomed.pid) ? null : true), LONG);
  }

  #arrived(): number {
    return this.#upstream.count('create_key', { name: this.#point });
  }

  /** The agent: makes its call, and repeats it as instructed until it gets a final answer. */
  async #ask(rests = () => {}, comesAgain = Promise.resolve()): Promise<{ text: string; approval: string }> {
    let agent: Agent | null = null;
    return eventually(
      'the agent hears an end',
      async () => {
        const url = `${this.#gateway.url}/mcp/counting`;
        agent ??= await Agent.open(url, this.#home.tokens.agent!);
        agent.url = url;
        const answer = await agent.call('create_key', { name: this.#point }).answer;
        const text = textOf(answer);
        const note = answer._meta?.['holdfast/approval'];
        const waits = note === undefined || /^(Waiting for approval|Cannot decide)/.test(text);
        if (!waits) return { text, approval: note.id };
        rests();
        await comesAgain;
        return null;
      },
      LONG,
    );
  }

  /** The approver: approves at whichever gateway answers, until the decision is recorded. */
  async #approve(): Promise<void> {
    await eventually(
      'somebody approved',
      async () => {
        const mine = (await this.#gateway.approvals()).filter(({ arguments: { name } }) => name === this.#point);
        for (const { id, state } of mine) if (state === 'pending') await this.#say(id);
        // What the socket took may still be lost: then the repeated call is a new question, which is approved as well.
        const over = this.#point !== 'collect.after' || this.#heard !== null;
        return over && mine.some(({ decisions }) => decisions.length > 0) ? true : null;
      },
      LONG,
    );
  }

  async #say(approval: string): Promise<void> {
    const response = await this.#gateway.api(`/api/approvals/${approval}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve' }),
    });
    await response.text();
  }

  async #assertTrue(ending: StoryEnding): Promise<void> {
    const { text, approval } = this.#heard!;
    if (ending.heard === 'result') assert.equal(text, `made ${this.#point}`);
    else assert.match(text, /^Outcome unknown: /);
    const view = await this.#gateway.reaches(approval, ending.state, LONG);
    assert.deepEqual(
      view.decisions.map((d) => [d.approver, d.decision]),
      [['admin', 'approve']],
    );
    const asked = (await this.#gateway.approvals()).filter(({ arguments: { name } }) => name === this.#point).length;
    assert.equal(this.#arrived(), asked * ending.arrived);
    if (this.#point !== 'collect.after') assert.equal(asked, 1);
    await this.#assertCard(approval, ending.state === 'succeeded' ? /Approved and done/ : /Outcome unknown/);
    const types = (await this.#gateway.events(approval)).map(({ type }) => type);
    const count = (type: string): number => types.filter((one) => one === type).length;
    const last = ending.state === 'succeeded' ? 'call.succeeded' : 'call.unknown';
    for (const type of ['approval.requested', 'approval.decided', 'call.dispatched', last]) {
      assert.equal(count(type), 1, `${type} in ${types.join(' ')}`);
    }
  }

  /** There is one card, and it says how the call ended. */
  async #assertCard(approval: string, says: RegExp): Promise<void> {
    const cards = () =>
      this.#home.slack.messages(CHANNEL).filter((card) => JSON.stringify(card.metadata).includes(approval));
    await eventually(
      'the card tells the end',
      () => (cards().some((card) => says.test(card.text)) ? true : null),
      LONG,
    );
    assert.equal(cards().length, 1, 'one card');
  }

  /** An agent that was told "outcome unknown" may repeat the call: that asks again, and the question says so. */
  async #repeatKnowingly(): Promise<void> {
    const { approval } = this.#heard!;
    const before = this.#arrived();
    const approving = eventually(
      'the new question says that the outcome is unknown',
      async () => {
        const mine = (await this.#gateway.approvals('pending')).filter(({ arguments: a }) => a.name === this.#point);
        const asked = mine.find(({ previousUnknown }) => previousUnknown === approval);
        if (asked === undefined) return null;
        const card = await this.#home.card(asked.id);
        assert.match(JSON.stringify(card.blocks), new RegExp(`unknown.*${approval}`));
        await this.#say(asked.id);
        return true;
      },
      LONG,
    );
    let again = await this.#ask();
    // The dead process's caller is owed that outcome too; the first repeat takes its place and gets it.
    if (again.approval === approval) again = await this.#ask();
    await approving;
    assert.equal(again.text, `made ${this.#point}`);
    assert.equal(this.#arrived(), before + 1);
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
