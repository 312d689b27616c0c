import type { Loaded } from '../config/load.ts';
import { about, decide } from '../gateway/decide.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Cards, Clock, Log } from '../ports.ts';
import type { SlackApi } from '../slack/api.ts';
import { slackCards } from '../slack/cards.ts';
import { checkSlack, type SlackSetup } from '../slack/check.ts';
import type { SlackDeps, SlackDoor } from '../slack/door.ts';
import { People } from '../slack/people.ts';
import { channelsOf, LiveRouting, type Routing } from '../slack/routing.ts';

/** Slack, half at a time: the cards are a port of the gateway, the door needs the gateway. */
export interface Approvers {
  readonly cards: Cards;
  /** Rejects when cards cannot be shown, or must not; a Slack that merely does not answer is waited for. */
  check(): Promise<void>;
  /** Sends cards from now on where this config says. What is wrong with its channels, in words, and then nothing changes. */
  reroute(loaded: Loaded): Promise<readonly string[]>;
  door(gateway: Gateway): SlackDoor;
}

/** What a runtime speaks to Slack with: Slack's own libraries, or plain `fetch` where they do not fit. */
export interface SlackMeans {
  api(options: { token: string; apiUrl: string | undefined; log: Log }): SlackApi;
  door(deps: SlackDeps & { readonly api: SlackApi }): SlackDoor;
}

/** null: no Slack is configured. Throws when a channel is missing. */
export function approversInSlack(loaded: Loaded, means: SlackMeans, clock: Clock, log: Log): Approvers | null {
  const { config, settings, secrets } = loaded;
  if (secrets.slackBotToken === null) return null;
  const routing = new LiveRouting(routingOf(loaded));
  const token = secrets.slackBotToken;
  const apiUrl = settings.slack.apiUrl ?? undefined;
  const team = config.slack.team ?? undefined;
  const enterprise = config.slack.enterprise ?? undefined;
  const { publicUrl } = settings;
  const api = means.api({ token, apiUrl, log });
  const people = new People({ api, clock, team, enterprise });
  const cards = slackCards({ api, people, routing, clock, log, publicUrl });
  return {
    cards,
    check: async () => {
      const lines = await fatalFaults(api, { ...setupOf(channelsOf(routing)), team }, log);
      if (lines.length === 0) return;
      const list = lines.map((line) => `  ${line}`).join('\n');
      throw new Error(`Slack is not set up as it must be (holdfast doctor slack tells more):\n${list}`);
    },
    reroute: async (next) => {
      const to = routingOf(next);
      const known = channelsOf(routing);
      const fresh = channelsOf(to).filter((one) => !known.includes(one));
      const faults = fresh.length === 0 ? [] : await fatalFaults(api, { ...setupOf(fresh), team }, log);
      if (faults.length === 0) routing.become(to);
      return faults;
    },
    door: (gateway) => {
      const { store } = gateway.setting;
      return means.door({
        channel: routing.channel,
        routing,
        api,
        people,
        clock,
        log,
        botToken: token,
        signingSecret: secrets.slackSigningSecret ?? '',
        appToken: secrets.slackAppToken ?? undefined,
        apiUrl,
        team,
        enterprise,
        appId: config.slack.app ?? undefined,
        publicUrl,
        look: (id) => store.look(id),
        recall: (id) => gateway.setting.line.recall(id),
        adopt: async (id, place, ts) => {
          const card = await store.card(id);
          if (card !== null && card.ts === null) await store.saveCard({ ...card, channel: place, ts }, null);
        },
        decide: (id, word, approver, seen) =>
          decide(gateway.setting, id, word, approver, { pickupMs: gateway.rules.approval.pickupMs }, seen),
        refused: (id, actor, reason, choice) => recordRefusal(gateway, id, actor, reason, choice),
      });
    },
  };
}

function routingOf({ config, settings }: Loaded): Routing {
  const { channel } = settings.slack;
  if (channel === null)
    throw new Error('SLACK_CHANNEL, or slack.channel in the config, is needed with SLACK_BOT_TOKEN.');
  const { channels, direct } = config.slack;
  return { channel, ...channels, direct };
}

function setupOf(channels: readonly string[]): SlackSetup {
  return { channel: channels[0]!, channels, userGroups: [] };
}

/**
 * What keeps cards from being shown, or must: each fault with its remedy. Groups and people are left to `doctor`: one
 * that is empty today must not keep a gateway from starting again.
 */
async function fatalFaults(api: SlackApi, setup: SlackSetup, log: Log): Promise<string[]> {
  const faults = await checkSlack(api, setup);
  for (const { severity, what, remedy } of faults) if (severity !== 'fatal') log.warn({ remedy }, `Slack: ${what}`);
  return faults.filter(({ severity }) => severity === 'fatal').map(({ what, remedy }) => `${what}\n    → ${remedy}`);
}

/** A click by somebody who was stopped at the door. */
async function recordRefusal(
  gateway: Gateway,
  id: string,
  actor: string,
  reason: string,
  choice: string,
): Promise<void> {
  const { store, clock } = gateway.setting;
  const approval = await store.find(id);
  const data = { reason, choice, via: 'slack', claimed: id.slice(0, 64) };
  const nobody = { type: 'approval.refused', approval: null, server: null, tool: null, grant: null } as const;
  const at = clock.now();
  const event =
    approval === null
      ? { ...nobody, at, actor: `slack:${actor}`, data }
      : about(approval, { type: 'approval.refused', at, actor: `slack:${actor}`, data });
  await store.append([event]);
}
