import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/wait.ts';
import { type AgentCall, note } from './agent-call.ts';
import type { Dice } from './dice.ts';
import type { ReportRow } from './report.ts';
import type { Town } from './town.ts';
import { WAYS, type Waiter, type Way, waiter } from './waiters.ts';

/** How many calls are begun at once while parking, as one machine can do only so much. */
const BATCH = 20;

/** Calls by agents that wait in every way there is, each with its own session. */
export class Crowd {
  readonly told: AgentCall[] = [];
  /** Requests that failed, as none should while gateways are replaced one by one. */
  readonly turnedAway: string[] = [];
  readonly #ways = new Map<AgentCall, Way>();
  readonly #asking: Promise<void>[] = [];
  readonly #town: Town;
  readonly #url: string;
  readonly #dice: Dice;
  #end = Number.POSITIVE_INFINITY;

  constructor(town: Town, url: string, dice: Dice) {
    this.#town = town;
    this.#url = `${url}/mcp/counting`;
    this.#dice = dice;
  }

  /** Begins `count` gated calls, the same number for each way. Resolves when `pending` counts as many. */
  async park(count: number, pending: () => Promise<number>): Promise<void> {
    for (let begun = 0; begun < count; ) {
      for (const most = Math.min(count, begun + BATCH); begun < most; begun += 1) {
        const tool = this.#dice.weighted({ create_key: 80, charge: 20 });
        this.#asking.push(this.#call(WAYS[begun % WAYS.length]!, tool));
      }
      await eventually(`${begun} are parked`, async () => ((await pending()) === begun ? true : null), 60_000);
    }
  }

  /** Makes new calls until `finish`. Resolves when every call has its answer, or its time is over. */
  async keepComing(lines: number): Promise<void> {
    const line = async (dice: Dice): Promise<void> => {
      while (this.#end === Number.POSITIVE_INFINITY) {
        await this.#call(dice.of(WAYS), dice.weighted({ create_key: 50, charge: 10, read: 40 }));
        await sleep(dice.between(20, 200));
      }
    };
    await Promise.all(Array.from({ length: lines }, () => line(this.#dice.fork())));
    await Promise.all(this.#asking);
  }

  /** No new calls from now on; those under way may ask for `ms` more. */
  finish(ms: number): void {
    this.#end = Date.now() + ms;
  }

  /** How many calls got a final answer, by the way in which they waited. */
  byWay(): ReportRow[] {
    const answered = this.told.filter(({ heard }) => heard !== 'nothing');
    const rows = [...Map.groupBy(answered, (one) => this.#ways.get(one)!)].sort();
    return [
      ['answered, by the way of waiting', answered.length],
      ...rows.map(([way, of]) => [`  ${way}`, of.length] as const),
    ];
  }

  async #call(way: Way, tool: string): Promise<void> {
    const agent = this.#dice.of(this.#town.agents);
    const told: AgentCall = {
      id: randomUUID(),
      tool,
      agent,
      twin: false,
      heard: 'nothing',
      approval: null,
      attempts: 0,
      odd: [],
    };
    this.told.push(told);
    this.#ways.set(told, way);
    const args = { id: told.id, agent };
    const ask = waiter(way, this.#url, this.#town.house.tokens[agent]!, tool, args);
    while (told.heard === 'nothing' && Date.now() < this.#end) {
      told.attempts += 1;
      if (!(await this.#ask(way, told, ask))) await sleep(300);
    }
  }

  /** False: there is no answer yet, so wait a little. */
  async #ask(way: Way, told: AgentCall, ask: Waiter): Promise<boolean> {
    try {
      const answer = await ask();
      if (answer !== null) note(told, answer);
      return answer !== null;
    } catch (error) {
      const words = String((error as Error).message);
      // The request for a task's result ends with its gateway; the task goes on.
      const mayBe = way === 'task result' && words.includes('ended without an answer');
      if (!mayBe) this.turnedAway.push(`${told.id} (${way}): ${words} ${(error as Error).cause ?? ''}`);
      return false;
    }
  }
}
