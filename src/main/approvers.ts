import type { Loaded } from '../config/load.ts';
import { decide } from '../gateway/decision/decide.ts';
import { refuseAtDoor } from '../gateway/decision/refuse.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { adoptCard } from '../gateway/publish-card.ts';
import type { Cards, Clock, Log } from '../ports.ts';
import { slackCards } from '../slack/cards.ts';
import type { SlackDeps, SlackDoor } from '../slack/door.ts';
import { LiveIdentity } from '../slack/people/identity.ts';
import { People } from '../slack/people/people.ts';
import { channelsOf, LiveRouting, type Routing } from '../slack/place/routing.ts';
import { checkHome, checkSlack, type HomeSetup, type SlackSetup } from '../slack/setup/check.ts';
import type { SetupFault } from '../slack/setup/fault.ts';
import { TokenHealth } from '../slack/setup/token-health.ts';
import type { SlackApi } from '../slack/wire/api.ts';

/** Slack, half at a time: the cards are a port of the gateway, the door needs the gateway. */
export interface Approvers {
  readonly cards: Cards;
  /** Rejects when cards cannot be shown, or must not; a Slack that merely does not answer is waited for. */
  check(): Promise<void>;
  /**
   * From now on cards go where this config says, and the clicks count that it says. What is wrong with its channels,
   * workspace or app, in words, and then nothing changes.
   */
  resettle(loaded: Loaded): Promise<readonly string[]>;
  door(gateway: Gateway): SlackDoor;
}

/** What a runtime speaks to Slack with: Slack's own libraries, or plain `fetch` where they do not fit. */
export interface SlackMeans {
  api(options: { token: string; apiUrl: string | undefined; log: Log }): SlackApi;
  door(deps: SlackDeps & { readonly api: SlackApi }): SlackDoor;
}

/** null: no Slack is configured. Throws when a channel is missing. */
export function approversInSlack(loaded: Loaded, means: SlackMeans, clock: Clock, log: Log): Approvers | null {
  const { settings, secrets } = loaded;
  if (secrets.slackBotToken === null) return null;
  const routing = new LiveRouting(routingOf(loaded));
  const token = secrets.slackBotToken;
  const apiUrl = settings.slack.apiUrl ?? undefined;
  const { publicUrl } = settings;
  const access = new TokenHealth(means.api({ token, apiUrl, log }), clock, log);
  const { api } = access;
  const identityOf = ({ app, ...terms }: HomeSetup) => ({
    people: new People({ api, clock, log, ...terms }),
    app: app ?? null,
  });
  let home = homeOf(loaded);
  const identity = new LiveIdentity(identityOf(home));
  const cards = slackCards({ api, people: () => identity.now.people, routing, clock, log, publicUrl });
  return {
    cards: { ...cards, trouble: () => access.trouble() },
    check: async () => {
      const lines = told(await checkSlack(api, { ...setupOf(channelsOf(routing)), ...home }), ['fatal'], log);
      if (lines.length === 0) return;
      const list = lines.map((line) => `  ${line}`).join('\n');
      throw new Error(`Slack is not set up as it must be (holdfast doctor slack tells more):\n${list}`);
    },
    resettle: async (next) => {
      const [to, newHome] = [routingOf(next), homeOf(next)];
      const known = channelsOf(routing);
      const fresh = channelsOf(to).filter((one) => !known.includes(one));
      const moves = !sameHome(newHome, home);
      const found = fresh.length > 0 ? await checkSlack(api, { ...setupOf(fresh), ...newHome }) : [];
      if (moves && fresh.length === 0) found.push(...(await checkHome(api, newHome)));
      // A home that Slack did not confirm is not taken: its people might be outsiders.
      const faults = told(found, moves ? ['fatal', 'unknown'] : ['fatal'], log);
      if (faults.length > 0) return faults;
      routing.become(to);
      if (moves) {
        home = newHome;
        // With people of its own: nothing that is remembered of the old home's is asked about the new one's.
        identity.become(identityOf(newHome));
        log.info(newHome, 'Slack: whose clicks count has changed');
      }
      return [];
    },
    door: (gateway) => {
      const { store } = gateway;
      return means.door({
        channel: routing.channel,
        routing,
        api,
        identity,
        clock,
        log,
        onSocketAttempt: (code) => access.onSocketAttempt(code),
        botToken: token,
        signingSecret: secrets.slackSigningSecret ?? '',
        appToken: secrets.slackAppToken ?? undefined,
        apiUrl,
        publicUrl,
        look: (id) => store.look(id),
        recall: (id) => gateway.inline.recall(id),
        adopt: (id, place, ts) => adoptCard(gateway, id, place, ts),
        decide: (id, word, approver, seen) =>
          decide(gateway, id, word, approver, { pickupMs: gateway.rules.approval.pickupMs }, seen),
        refused: (id, user, reason, choice) =>
          refuseAtDoor(gateway, id, { approver: { id: user, via: 'slack' }, reason, choice }),
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

function homeOf({ config }: Loaded): HomeSetup {
  const { team, enterprise, app } = config.slack;
  return { team: team ?? undefined, enterprise: enterprise ?? undefined, app: app ?? undefined };
}

function sameHome(one: HomeSetup, other: HomeSetup): boolean {
  return one.team === other.team && one.enterprise === other.enterprise && one.app === other.app;
}

/**
 * What of the faults stands in the way, each with its remedy; the others are logged. Groups and people are left to
 * `doctor`: one that is empty today must not keep a gateway from starting again.
 */
function told(faults: readonly SetupFault[], inTheWay: readonly SetupFault['severity'][], log: Log): string[] {
  const stops = ({ severity }: SetupFault) => inTheWay.includes(severity);
  for (const fault of faults) if (!stops(fault)) log.warn({ remedy: fault.remedy }, `Slack: ${fault.what}`);
  return faults.filter(stops).map(({ what, remedy }) => `${what}\n    → ${remedy}`);
}
