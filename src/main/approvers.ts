import type { Loaded } from '../config/load.ts';
import { quietChannels } from '../config/quiet-channels.ts';
import { revokeAllowance } from '../gateway/allowance/end.ts';
import { callsOfDigest } from '../gateway/card-digest.ts';
import { counterApproval } from '../gateway/counter/propose.ts';
import { beholderOf } from '../gateway/decision/beholder.ts';
import { decideApproval } from '../gateway/decision/decide.ts';
import { decideTogether } from '../gateway/decision/decide-together.ts';
import { refuseAtDoor } from '../gateway/decision/refuse.ts';
import { takeBack } from '../gateway/decision/take-back.ts';
import { liftFreeze } from '../gateway/freeze/lift-freeze.ts';
import { setFreeze } from '../gateway/freeze/set-freeze.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { adoptCard } from '../gateway/publish-card.ts';
import { snooze } from '../gateway/snooze/snooze.ts';
import { withoutSnoozed } from '../gateway/snooze/without-snoozed.ts';
import type { Cards, Clock, Log } from '../ports.ts';
import { slackCards } from '../slack/cards.ts';
import type { SlackDeps, SlackDoor } from '../slack/door.ts';
import { AppHomes, type AppHomeUse } from '../slack/home/app-homes.ts';
import { LiveIdentity } from '../slack/people/identity.ts';
import { People } from '../slack/people/people.ts';
import { channelsOf, LiveRouting, type Routing } from '../slack/place/routing.ts';
import { checkHome, checkSlack, type HomeSetup, type SlackSetup } from '../slack/setup/check.ts';
import type { SetupFault } from '../slack/setup/fault.ts';
import { TokenHealth } from '../slack/setup/token-health.ts';
import type { SlackApi } from '../slack/wire/api.ts';
import { Rush } from '../slack/wire/rush.ts';

/** Milliseconds that a form waits for what its tool takes, where that is not known: Slack waits three seconds in all. */
const FORM_MS = 1_000;

/** Approvers in Slack, made in two steps: the cards are a port of the gateway, and the door needs the gateway. */
export interface Approvers {
  readonly cards: Cards;
  /** Rejects when cards cannot or must not be shown. A Slack that merely does not answer is no reason to reject. */
  check(): Promise<void>;
  /**
   * Takes over where this config sends cards and whose clicks it accepts. Returns what is wrong with its channels,
   * workspace or app, in words; then nothing changes.
   */
  changeSlack(loaded: Loaded): Promise<readonly string[]>;
  /** The door for the clicks. `current`: the config in force. */
  door(gateway: Gateway, current: () => Loaded): SlackDoor;
}

/** How a runtime talks to Slack: with Slack's own libraries, or with plain `fetch` where those do not run. */
export interface SlackAdapters {
  api(options: { token: string; apiUrl: string | undefined; log: Log }): SlackApi;
  door(deps: SlackDeps & { readonly api: SlackApi }): SlackDoor;
}

/** null: no Slack is configured. Throws when a channel is missing. */
export function approversInSlack(
  loaded: Loaded,
  adapters: SlackAdapters,
  { clock, steady }: { readonly clock: Clock; readonly steady: Clock },
  log: Log,
): Approvers | null {
  const { settings, secrets } = loaded;
  if (secrets.slackBotToken === null) return null;
  const routing = new LiveRouting(routingOf(loaded));
  const token = secrets.slackBotToken;
  const apiUrl = settings.slack.apiUrl ?? undefined;
  const { publicUrl } = settings;
  const access = new TokenHealth(adapters.api({ token, apiUrl, log }), steady, log);
  const { api } = access;
  const identityOf = ({ app, ...terms }: HomeSetup) => ({
    people: new People({ api, clock: steady, log, ...terms }),
    app: app ?? null,
  });
  let home = homeOf(loaded);
  const identity = new LiveIdentity(identityOf(home));
  const rush = new Rush();
  const appHomes = new AppHomes({ api, identity, log, publicUrl });
  const cards = slackCards({ rush, api, people: () => identity.now.people, routing, clock: steady, log, publicUrl });
  return {
    cards: {
      ...cards,
      show: async (approval, at, beside) => {
        const delivery = await cards.show(approval, at, beside);
        appHomes.changed(approval);
        return delivery;
      },
      trouble: () => access.trouble(),
    },
    check: async () => {
      const found = await checkSlack(api, { ...setupOf(channelsOf(routing)), ...home });
      const faults = blockingFaults(found, ['fatal'], log);
      if (faults.length === 0) return;
      const list = faults.map((fault) => `  ${fault}`).join('\n');
      throw new Error(`Slack is not set up as it must be (holdfast doctor slack tells more):\n${list}`);
    },
    changeSlack: async (next) => {
      const [newRouting, newHome] = [routingOf(next), homeOf(next)];
      const checked = channelsOf(routing);
      const newChannels = channelsOf(newRouting).filter((channel) => !checked.includes(channel));
      const moves = !sameHome(newHome, home);
      const found = newChannels.length > 0 ? await checkSlack(api, { ...setupOf(newChannels), ...newHome }) : [];
      if (moves && newChannels.length === 0) found.push(...(await checkHome(api, newHome)));
      // A home that Slack did not confirm is not taken over: its people might be outsiders.
      const faults = blockingFaults(found, moves ? ['fatal', 'unknown'] : ['fatal'], log);
      if (faults.length > 0) return faults;
      routing.become(newRouting);
      if (moves) {
        home = newHome;
        // The new home starts with no cached people: what is known of the old one's must not count for it.
        identity.become(identityOf(newHome));
        log.info(newHome, 'Slack: the workspace or app whose clicks count has changed');
      }
      return [];
    },
    door: (gateway, current) => {
      appHomes.use(appHomeUseOf(gateway, current));
      return adapters.door({
        appHomes,
        channel: routing.channel,
        routing,
        api,
        identity,
        rush,
        clock,
        log,
        onSocketAttempt: (code) => access.onSocketAttempt(code),
        botToken: token,
        signingSecret: secrets.slackSigningSecret ?? '',
        appToken: secrets.slackAppToken ?? undefined,
        apiUrl,
        publicUrl,
        ...useCasesOf(gateway, current),
      });
    },
  };
}

/** Calls that are read for one Home, the soonest to expire of all; the oldest of these are shown. */
const READ_FOR_HOME = 50;

function appHomeUseOf(gateway: Gateway, current: () => Loaded): AppHomeUse {
  const { store, rules } = gateway;
  return {
    userGroups: () => [...new Set([...current().config.approvers.values()].flatMap(({ userGroups }) => userGroups))],
    waiting: async (user, userGroups, most) => {
      const beholder = beholderOf({ id: user, userGroups }, rules.persons());
      const { filter } = await withoutSnoozed(gateway, user, { mine: true });
      const { items, mine } = await store.pending(beholder, filter, { limit: READ_FOR_HOME });
      const oldest = [...items].sort((one, other) => one.createdAt.getTime() - other.createdAt.getTime());
      return { calls: oldest.slice(0, most), total: mine };
    },
  };
}

/** What the door for clicks does with the gateway. */
function useCasesOf(
  gateway: Gateway,
  current: () => Loaded,
): Pick<
  SlackDeps,
  | 'batches'
  | 'look'
  | 'recall'
  | 'adopt'
  | 'approvers'
  | 'counters'
  | 'decide'
  | 'operator'
  | 'refused'
  | 'revokeAllowance'
  | 'snooze'
  | 'takeBack'
> {
  return {
    look: (id) => gateway.store.look(id),
    recall: (id) => gateway.inline.remembered(id),
    adopt: (id, channel, ts) => adoptCard(gateway, id, channel, ts),
    approvers: (approval) => gateway.rules.approvers(approval),
    decide: (id, request, approver, seen) =>
      decideApproval(gateway, id, request, approver, { pickupMs: gateway.rules.approval.pickupMs }, seen),
    operator: {
      isOperator: (user) => gateway.rules.isOperator(user),
      stops: () => {
        const { servers, grants } = current().config;
        const names = grants.map(({ name }) => name);
        return { servers: [...servers.keys()], grants: names, freezes: gateway.knownFreezes.list };
      },
      freeze: (scope, reason, user) => setFreeze(gateway, scope, reason, { id: user, via: 'slack' }),
      thaw: (id, reason, user) => liftFreeze(gateway, id, reason, { id: user, via: 'slack' }),
    },
    snooze: (id, minutes, approver) => snooze(gateway, id, minutes, approver),
    counters: {
      schema: async ({ server, tool }) => {
        await gateway.rules.learnTool?.(server, tool, FORM_MS);
        return gateway.rules.inputSchema?.(server, tool) ?? null;
      },
      propose: (id, request, approver) =>
        counterApproval(gateway, id, request, approver, { pickupMs: gateway.rules.approval.pickupMs }),
    },
    batches: {
      callsOfDigest: (leader) => callsOfDigest(gateway, leader),
      decide: (items, word, by) =>
        decideTogether(gateway, items, word, by, { pickupMs: gateway.rules.approval.pickupMs }),
    },
    takeBack: (id, request, approver) => takeBack(gateway, id, request, approver),
    revokeAllowance: async (id, approver) => {
      const given = (await gateway.allowances.list({ approval: id, limit: 1 })).items[0];
      if (given === undefined) return 'not_living';
      const { kind } = await revokeAllowance(gateway, given.id, approver);
      return kind === 'ended' ? 'revoked' : kind === 'not_allowed' ? 'not_allowed' : 'not_living';
    },
    refused: (id, user, reason, choice) =>
      refuseAtDoor(gateway, id, { approver: { id: user, via: 'slack' }, reason, choice }),
  };
}

function routingOf({ config, policies, settings }: Loaded): Routing {
  const { channel } = settings.slack;
  if (channel === null) {
    throw new Error('SLACK_CHANNEL, or slack.channel in the config, is needed with SLACK_BOT_TOKEN.');
  }
  const { channels, direct, fallback } = config.slack;
  return { channel, ...channels, direct, fallback: fallback ?? undefined, quiet: quietChannels({ config, policies }) };
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
 * The faults of these severities, in words, each with its remedy; the others are logged. Groups and people are left to
 * `doctor`: a group that is empty today must not keep a gateway from starting again.
 */
function blockingFaults(
  faults: readonly SetupFault[],
  severities: readonly SetupFault['severity'][],
  log: Log,
): string[] {
  const blocks = ({ severity }: SetupFault) => severities.includes(severity);
  for (const fault of faults) if (!blocks(fault)) log.warn({ remedy: fault.remedy }, `Slack: ${fault.what}`);
  return faults.filter(blocks).map(({ what, remedy }) => `${what}\n    → ${remedy}`);
}
