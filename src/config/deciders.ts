import type { Requirement } from '../domain/approval/approval.ts';
import type { Circle } from '../domain/approval/circle.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { Ask } from '../domain/policy/verdict.ts';
import type { Config, Grant } from './config.ts';
import type { Loaded } from './load.ts';
import { peopleWhoMay, personsOf } from './persons.ts';
import { quietRequirement, resolveRequirement } from './requirement.ts';

/** What a grant's agent may ask for and too few people could approve. */
export interface StuckAsk {
  readonly grant: string;
  readonly server: string;
  /** The tool, or the key of its rule; `*`: what no rule names. */
  readonly what: string;
  readonly quorum: number;
  /** How many could approve it, the owner left out who may not. */
  readonly people: number;
}

/** Who can decide here at all. */
export type Deciders =
  /** No grant's policy asks about anything. */
  | { readonly kind: 'nothing is asked' }
  /** No person can be reached who could approve any of it: Slack is not set up, and the admin token decides nowhere. */
  | { readonly kind: 'nobody'; readonly remedy: string }
  /** `byToken`: the admin token approves something. */
  | { readonly kind: 'somebody'; readonly byToken: boolean };

/** How people are reached: in Slack, where it is set up, and by the admin token, where it is set and somebody's. */
interface Ways {
  readonly slack: boolean;
  readonly adminToken: boolean;
}

type Decidable = Pick<Loaded, 'config' | 'policies' | 'secrets'>;

/**
 * Whether anybody can approve anything of what this configuration asks about. A quorum that is too small, and an owner who
 * is the only approver, are told apart: see `stuckAsks`.
 */
export function decidersOf({ config, policies, secrets }: Decidable): Deciders {
  const ways = waysOf(secrets);
  const asks = config.grants.flatMap((grant) => asksBy(grant, policies));
  if (asks.length === 0) return { kind: 'nothing is asked' };
  const alone = asks.some(({ ask }) => reaches(config, ask, { slack: false, adminToken: ways.adminToken }));
  const anybody = alone || asks.some(({ ask }) => reaches(config, ask, ways));
  return anybody ? { kind: 'somebody', byToken: alone } : { kind: 'nobody', remedy: remedyFor(config, ways) };
}

/** What this grant's agent may ask for and too few people could ever approve. */
export function stuckAsks(grant: Grant, { config, policies, secrets }: Decidable): readonly StuckAsk[] {
  const ways = waysOf(secrets);
  return asksBy(grant, policies).flatMap(({ server, what, ask }) => {
    const owner = grant.selfApproval ? null : grant.owner;
    const quiet = quietRequirement(config, ask);
    return [
      { what, people: eligible(resolveRequirement(config, ask), config, owner, ways) },
      ...(quiet === null ? [] : [{ what: `${what} in quiet hours`, people: eligible(quiet, config, owner, ways) }]),
    ].flatMap((one) =>
      one.people === null || one.people >= ask.quorum
        ? []
        : [{ grant: grant.name, server, what: one.what, quorum: ask.quorum, people: one.people }],
    );
  });
}

/** What to do where too few people could approve. */
export function remedyFor({ people }: Pick<Config, 'people'>, { slack, adminToken }: Ways): string {
  if (slack) return 'Add more people to the approver groups, or set self_approval: true for the grant.';
  const holder = people === null ? '' : ', with admin_token: true for its holder under people';
  return adminToken
    ? `List admin in an approver group${holder}, or set up Slack (holdfast init slack).`
    : `Set HOLDFAST_ADMIN_TOKEN and list admin in an approver group${holder}, or set up Slack (holdfast init slack).`;
}

export function waysOf({ slackBotToken, adminToken }: Loaded['secrets']): Ways {
  return { slack: slackBotToken !== null, adminToken: adminToken !== null };
}

function reaches(config: Config, ask: Ask, ways: Ways): boolean {
  const people = eligible(resolveRequirement(config, ask), config, null, ways);
  return people === null || people > 0;
}

/** How many people could approve. Null for a user group: only Slack knows its members. */
function eligible(
  asked: Requirement,
  config: Config,
  owner: string | null,
  { slack, adminToken }: Ways,
): number | null {
  const reachable = <C extends Circle>(circle: C): C => (slack ? circle : { ...circle, people: [], userGroups: [] });
  const admin = <C extends Circle>(circle: C): C => (adminToken ? circle : { ...circle, admin: false });
  const { escalate, places } = asked;
  const further = escalate?.anyPlace;
  const now = {
    ...admin(reachable(asked)),
    ...(places && { places: places.map((place) => admin(reachable(place))) }),
    escalate: escalate && {
      ...admin(reachable(escalate)),
      ...(further && { anyPlace: admin(reachable(further)) }),
    },
  };
  return peopleWhoMay(now, personsOf(config, adminToken), owner);
}

interface NamedAsk {
  readonly server: string;
  readonly what: string;
  readonly ask: Ask;
}

function asksBy(grant: Grant, policies: Decidable['policies']): NamedAsk[] {
  return grant.servers.flatMap((server) => {
    const policy = policies.get(server);
    return policy === undefined ? [] : asksOf(policy).map((one) => ({ server, ...one }));
  });
}

/** Drift may ask too, but that is no reason to expect an approver. */
function asksOf(policy: Policy): Omit<NamedAsk, 'server'>[] {
  const rules = [...policy.exact.values(), ...policy.globs.map(({ rule }) => rule)];
  const asking = rules.filter((rule) => rule.action === 'require_approval' || rule.askIf.length > 0);
  const general = policy.default === 'require_approval' || policy.allTools.askIf.length > 0;
  return [
    ...asking.map((rule) => ({ what: rule.key, ask: rule.ask })),
    ...(general ? [{ what: '*', ask: policy.allTools.ask }] : []),
  ];
}
