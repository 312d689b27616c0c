import { setTimeout as sleep } from 'node:timers/promises';
import type { Reaction } from '../../../src/demo/slack/interactivity/delivery.ts';
import type { SlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import { Agent, type ToolAnswer } from '../agent/agent.ts';
import type { GatewayProcess, House } from '../gateway/program.ts';
import { CHANNEL } from '../gateway/program.ts';
import { eventually } from '../wait.ts';

/** One question with its card, and the agent that waits for its answer. */
export interface StormCall {
  readonly n: number;
  readonly id: string;
  readonly ts: string;
  readonly answer: Promise<ToolAnswer>;
}

/** A click that was made, and how the gateway answered it. `by`: who made it. */
export interface StormClick {
  readonly call: StormCall;
  readonly by: string;
  readonly reaction: Reaction;
}

/** Agents that ask at once while a storm is prepared. */
const AT_ONCE = 50;

/** Has `count` different calls of `tool` held, each with its card. Slack sets no limits meanwhile. */
export async function parkStorm(
  house: House,
  gateway: GatewayProcess,
  {
    tool,
    count,
    server = 'tools',
    from = 0,
    args = () => ({}),
  }: {
    readonly tool: string;
    readonly count: number;
    readonly server?: string;
    /** How many were held before these, by this or other runs. */
    readonly from?: number;
    /** Further arguments of a call, besides its number. */
    readonly args?: (n: number) => Readonly<Record<string, string>>;
  },
): Promise<StormCall[]> {
  house.slack.rates = false;
  const agent = await Agent.open(`${gateway.url}/mcp/${server}`, house.tokens.agent!);
  const answers: Promise<ToolAnswer>[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const n = from + nth;
    answers.push(agent.call(tool, { n, ...args(n) }, { meta: { progressToken: n } }).answer);
    // One that is never decided is never awaited.
    answers[nth]!.catch(() => undefined);
    if (nth % AT_ONCE === AT_ONCE - 1) await cards(house.slack, n + 1 - AT_ONCE);
  }
  const posted = await cards(house.slack, from + count);
  return answers.map((answer, nth) => ({ n: from + nth, answer, ...posted.get(from + nth)! }));
}

/** Cards by the number of their call, once there are `count`. */
async function cards(slack: SlackStandIn, count: number): Promise<Map<number, { id: string; ts: string }>> {
  const found = await eventually(
    `${count} cards`,
    () => {
      const all = slack.messages(CHANNEL).filter(({ metadata }) => metadata !== null);
      return all.length >= count ? all : null;
    },
    120_000,
  );
  return new Map(
    found.map((message) => {
      const id = /ap_[0-9a-z]+/.exec(JSON.stringify(message.metadata))![0];
      const n = Number(/(?:"|\\n)n: ([0-9]+)/.exec(JSON.stringify(message.blocks))?.[1]);
      return [n, { id, ts: message.ts }];
    }),
  );
}

/**
 * Makes these clicks, signed, one after the other within `withinMs`, without waiting for answers in between: as many
 * people do. `Slack's limits` count from the first on.
 */
export async function clickStorm(
  house: House,
  clicks: readonly { readonly call: StormCall; readonly by: string }[],
  { withinMs, during }: { readonly withinMs: number; readonly during?: () => Promise<void> },
): Promise<StormClick[]> {
  const { slack } = house;
  slack.rates = 1;
  const began = performance.now();
  const made: Promise<StormClick>[] = [];
  const trouble = during?.();
  for (const [nth, { call, by }] of clicks.entries()) {
    const due = began + (withinMs * nth) / clicks.length;
    const early = due - performance.now();
    if (early > 1) await sleep(early);
    const reaction = slack.click({ user: by, channel: CHANNEL, ts: call.ts, actionId: 'approve' });
    made.push(reaction.then((answered) => ({ call, by, reaction: answered })));
  }
  await trouble;
  return Promise.all(made);
}
