import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type ToolAnswer, textOf } from '../support/agent/agent.ts';
import { type AgentCall, type AgentOutcome, note } from './agent-call.ts';
import type { Dice } from './dice.ts';
import { SCANNED_AT_ONCE, type Town } from './town.ts';

/** The agents of a town. They make calls until told to stop, and then only finish those they began. */
export class Agents {
  readonly told: AgentCall[] = [];
  /** Milliseconds since the epoch, after which no agent asks again. */
  #end = Number.POSITIVE_INFINITY;
  #stopped = false;
  readonly #town: Town;

  constructor(town: Town) {
    this.#town = town;
  }

  /** `lines`: how many calls each agent has under way at once. Resolves when all of them have ended. */
  async run(dice: Dice, lines: number): Promise<void> {
    const all = this.#town.agents.flatMap((name) => Array.from({ length: lines }, () => this.#line(name, dice.fork())));
    await Promise.all(all);
  }

  /** No new calls from now on; those under way may ask for `ms` more. */
  finish(ms: number): void {
    this.#stopped = true;
    this.#end = Date.now() + ms;
  }

  async #line(name: string, dice: Dice): Promise<void> {
    let caller = new Caller(this.#town, name, dice);
    while (!this.#stopped) {
      const tool = dice.weighted({ create_key: 60, charge: 15, burst: 15, read: 10, scan: 10 });
      if (tool === 'scan') {
        await this.#scan(name, dice);
        continue;
      }
      const id = randomUUID();
      const twin = tool !== 'read' && dice.one(0.15);
      const other = twin ? this.#ask(new Caller(this.#town, name, dice.fork()), { id, tool, twin }) : null;
      const heard = await this.#ask(caller, { id, tool, twin });
      await other;
      // An agent that is told "outcome unknown" may repeat the call, knowing that it may run twice.
      if (heard === 'unknown' && dice.one(0.5) && !this.#stopped) await this.#ask(caller, { id, tool, twin });
      if (dice.one(0.1)) caller = new Caller(this.#town, name, dice);
      await sleep(dice.between(0, 250));
    }
  }

  /** So many at once that gateways count them in memory, by several connections, which lead to any of them. */
  async #scan(name: string, dice: Dice): Promise<void> {
    const callers = [1, 2, 3].map(() => new Caller(this.#town, name, dice.fork()));
    const calls = Array.from({ length: SCANNED_AT_ONCE }, (_, n) =>
      this.#ask(callers[n % callers.length]!, { id: randomUUID(), tool: 'scan', twin: false }),
    );
    await Promise.all(calls);
  }

  async #ask(caller: Caller, call: Pick<AgentCall, 'id' | 'tool' | 'twin'>): Promise<AgentOutcome> {
    const told: AgentCall = { ...call, agent: caller.name, heard: 'nothing', approval: null, attempts: 0, odd: [] };
    this.told.push(told);
    while (told.heard === 'nothing' && Date.now() < this.#end) {
      told.attempts += 1;
      const again = await caller.attempt(told, () => this.#end - Date.now());
      if (again !== null) await sleep(again);
    }
    return told.heard;
  }
}

/** One connection of an agent; its session is good at every gateway. */
class Caller {
  readonly name: string;
  readonly #town: Town;
  readonly #dice: Dice;
  #agent: Agent | null = null;

  constructor(town: Town, name: string, dice: Dice) {
    this.#town = town;
    this.name = name;
    this.#dice = dice;
  }

  /** One attempt. Returns the milliseconds after which to try again, or null when the call has ended. */
  async attempt(told: AgentCall, left: () => number): Promise<number | null> {
    const dice = this.#dice;
    const agent = await this.#connected().catch(() => null);
    if (agent === null) return 150;
    const meta = dice.one(0.5) ? { meta: { progressToken: told.id } } : {};
    const sent = agent.call(told.tool, { id: told.id, agent: this.name }, meta);
    const patience = Math.max(1_000, Math.min(left(), 30_000));
    const timers = [setTimeout(() => sent.disconnect(), dice.one(0.15) ? dice.between(5, 3_000) : patience)];
    let cancelled = false;
    if (!told.twin && dice.one(0.05)) {
      const cancel = async (): Promise<void> => {
        const status = await agent.cancel(sent.id, 'changed its mind').catch(() => 0);
        if (status === 202) cancelled = true;
        // The gateway ends the stream of a withdrawn call; a call that runs already ends by itself.
        if (cancelled) setTimeout(() => sent.disconnect(), 500);
      };
      timers.push(setTimeout(() => void cancel(), dice.between(10, 2_500)));
    }
    try {
      return this.#hear(told, await sent.answer);
    } catch (error) {
      if (cancelled) {
        told.heard = 'cancelled';
        return null;
      }
      // The server forgot the session, or never had it: open a new one.
      if (/^(404|400) /.test(String((error as Error).message))) this.#agent = null;
      return dice.between(50, 300);
    } finally {
      for (const timer of timers) clearTimeout(timer);
    }
  }

  #hear(told: AgentCall, answer: ToolAnswer): number | null {
    note(told, answer);
    if (textOf(answer).includes('session')) this.#agent = null;
    return told.heard === 'nothing' ? this.#dice.between(20, 250) : null;
  }

  async #connected(): Promise<Agent> {
    const gateway = this.#town.live.length > 0 ? this.#dice.of(this.#town.live) : null;
    if (gateway === null) throw new Error('no gateway lives');
    const url = `${gateway.url}/mcp/counting`;
    if (this.#agent === null) {
      this.#agent = await Agent.open(url, this.#town.house.tokens[this.name]!);
    }
    this.#agent.url = url;
    return this.#agent;
  }
}
