import {
  type Allowance,
  type AllowanceToday,
  callsLeft,
  endingOf,
  type StandingDenial,
} from '../../domain/allowance/allowance.ts';
import { hiddenPathIn } from '../../domain/allowance/hidden-condition.ts';
import { liesWithin, likenessMaterial } from '../../domain/allowance/likeness.ts';
import type { Call } from '../../domain/call/call.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { asksOfEarlier } from '../../domain/policy/after.ts';
import type { AllowanceRule, AllowedBounds } from '../../domain/policy/allowance-rule.ts';
import { type Path, parsePath } from '../../domain/policy/path.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { redactionOf, ruleFor } from '../../domain/policy/rule.ts';
import type { Gateway } from '../gateway.ts';

/** What today's configuration says of what an allowance is about. */
export function todayOf(
  { clock, rules }: Pick<Gateway, 'clock' | 'rules'>,
  { grant, server, tool, owner }: Pick<Allowance, 'grant' | 'owner' | 'server' | 'tool'>,
): AllowanceToday {
  return {
    now: clock.now(),
    policyDigest: rules.policy(server)?.digest ?? null,
    look: rules.look(server, tool),
    principal: rules.principal(grant, server, owner),
    token: rules.token(grant),
  };
}

/**
 * The living allowance, as far as this process knows, in which this call lies; null: none. Of several, the one that ends
 * first. Whether it may be used is judged by the transaction that uses it.
 */
export function coveringAllowance(
  gateway: Pick<Gateway, 'clock' | 'knownInAdvance' | 'rules' | 'vault'>,
  policy: Policy,
  call: Call,
  rule: AllowanceRule,
): Allowance | null {
  // What is asked because of what was called before is for a person to see.
  if (policy.drifted?.has(call.tool) || asksOfEarlier(policy, ruleFor(policy, call.tool)) !== null) return null;
  const known = gateway.knownInAdvance.allowancesAt({ ...call, grant: call.principal.grant });
  if (known.length === 0) return null;
  const likeness = likenessesOf(gateway, call, rule.mayVary);
  const now = gateway.clock.now();
  const covering = known.filter(
    (one) =>
      one.owner === call.principal.owner &&
      one.policyDigest === policy.digest &&
      likeness.has(one.like) &&
      callsLeft(one, now) > 0 &&
      endingOf(one, todayOf(gateway, one), gateway.knownInAdvance.firstLook(one, todayOf(gateway, one).look)) ===
        null &&
      liesWithin(call, rule.within) &&
      liesWithinOwn(gateway, call, one),
  );
  return covering.toSorted((one, other) => one.until.getTime() - other.until.getTime())[0] ?? null;
}

/** Those of the same principal and tool that were given while its calls were another person's: they hold no more. */
export function othersAllowances(gateway: Pick<Gateway, 'knownInAdvance'>, call: Call): readonly Allowance[] {
  const known = gateway.knownInAdvance.allowancesAt({ ...call, grant: call.principal.grant });
  return known.filter(({ owner }) => owner !== call.principal.owner);
}

/** Conditions that cannot be read any more hold of no call. */
function liesWithinOwn({ rules }: Pick<Gateway, 'rules'>, call: Call, { bounds }: Allowance): boolean {
  if (bounds.within.length === 0) return true;
  if (testsHidden({ rules }, call, bounds)) return false;
  const conditions = rules.conditions(bounds.within);
  return typeof conditions !== 'string' && liesWithin(call, conditions);
}

/** Whether a person's own conditions may test what is hidden of calls of this tool. */
export function testsHidden(
  { rules }: Pick<Gateway, 'rules'>,
  { server, tool }: Pick<Call, 'server' | 'tool'>,
  { within }: Pick<AllowedBounds, 'within'>,
): boolean {
  if (within.length === 0) return false;
  const [policy, conditions] = [rules.policy(server), rules.conditions(within)];
  if (policy === null || typeof conditions === 'string') return true;
  const redaction = redactionOf(policy, tool);
  return conditions.some(({ condition }) => hiddenPathIn(condition, redaction) !== null);
}

/** The standing denial that answers this call; null: none. `material`: what its fingerprint is made over. `leg`: it answers a question, and only the same answer is like it. */
export function standingDenial(
  gateway: Pick<Gateway, 'clock' | 'knownInAdvance' | 'vault'>,
  call: Call,
  material: () => JsonObject,
  leg: boolean,
): StandingDenial | null {
  const known = gateway.knownInAdvance.denialsAt({ ...call, grant: call.principal.grant });
  if (known.length === 0) return null;
  const own = fingerprintsOf(gateway, material());
  const now = gateway.clock.now();
  const isAbout = ({ like, mayVary }: StandingDenial): boolean => {
    if (own.has(like)) return true;
    if (leg) return false;
    const paths = mayVary.map(parsePath).filter((path) => path !== null);
    return paths.length === mayVary.length && likenessesOf(gateway, call, paths).has(like);
  };
  return known.find((one) => now < one.until && isAbout(one)) ?? null;
}

function likenessesOf({ vault }: Pick<Gateway, 'vault'>, call: Call, mayVary: readonly Path[]): ReadonlySet<string> {
  const material = likenessMaterial(call, mayVary);
  return material === null ? new Set() : fingerprintsOf({ vault }, material);
}

/** None of what has no canonical form (half of a surrogate pair, a number beyond doubles): nothing was ever denied with it. */
function fingerprintsOf({ vault }: Pick<Gateway, 'vault'>, material: JsonObject): ReadonlySet<string> {
  try {
    return new Set(vault.fingerprints(material));
  } catch {
    return new Set();
  }
}
