import type { Allowance, StandingDenial } from '../../domain/allowance/allowance.ts';
import { MOST_DENIED_MINUTES } from '../../domain/allowance/allowance.ts';
import type { Choice } from '../../domain/approval/approval.ts';
import type { DecisionRequest } from '../../domain/approval/decide.ts';
import { exactJson } from '../../domain/json/exact-json.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { MOST_ALLOWED_CALLS, MOST_ALLOWED_MINUTES } from '../../domain/policy/allowance-rule.ts';
import type { Rules } from '../../gateway/rules.ts';
import { allowanceJson, denialJson } from './advance-api.ts';

type Advance = Pick<DecisionRequest, 'allowance' | 'standing'>;

/** What the body gives in advance, or what is wrong with it: a sentence. `text`: the body as it came. */
export function advanceIn(
  body: JsonObject,
  choice: Choice,
  text: string,
  rules: Pick<Rules, 'conditions'>,
): Advance | string {
  const [allowance, standing] = [member(body, 'allowance'), member(body, 'standing')];
  const stands = standing !== undefined && standing !== null;
  if (stands && choice !== 'deny') return 'standing goes with "decision": "deny"; with "approve" it is allowance.';
  if (allowance !== undefined && allowance !== null) {
    if (choice !== 'approve') return 'allowance goes with "decision": "approve"; with "deny" it is standing.';
    // A bound that a double rounds, or that stands there twice, would be another one than was typed.
    const exact = exactJson(text);
    return exact.kind === 'exact' ? allowanceIn(allowance, rules) : `allowance cannot be kept as it is: ${exact.why}.`;
  }
  if (!stands) return {};
  const strange = strangeIn(standing, ['minutes']);
  if (strange !== null) return `standing ${strange}`;
  const minutes = member(standing, 'minutes');
  if (!isWhole(minutes, MOST_DENIED_MINUTES)) {
    return `standing.minutes is a whole number from 1 to ${MOST_DENIED_MINUTES}.`;
  }
  return { standing: { minutes } };
}

function allowanceIn(value: Json, rules: Pick<Rules, 'conditions'>): Advance | string {
  const strange = strangeIn(value, ['minutes', 'calls', 'within']);
  if (strange !== null) return `allowance ${strange}`;
  const [minutes, calls, given] = [member(value, 'minutes'), member(value, 'calls'), member(value, 'within')];
  if (!isWhole(minutes, MOST_ALLOWED_MINUTES)) {
    return `allowance.minutes is a whole number from 1 to ${MOST_ALLOWED_MINUTES}.`;
  }
  if (!isWhole(calls, MOST_ALLOWED_CALLS)) return `allowance.calls is a whole number from 1 to ${MOST_ALLOWED_CALLS}.`;
  const within = given ?? [];
  if (!Array.isArray(within)) return 'allowance.within is a list of conditions, as a policy has them.';
  const conditions = rules.conditions(within as readonly Json[]);
  if (typeof conditions === 'string') return `allowance.${conditions}`;
  return { allowance: { minutes, calls, within: within as readonly Json[], says: conditions.map(({ says }) => says) } };
}

/** A member that nobody knows may be meant to narrow it. */
function strangeIn(value: Json, known: readonly string[]): string | null {
  if (!isObject(value)) return `is an object with ${known.join(', ')}.`;
  const strange = Object.keys(value).find((name) => !known.includes(name));
  return strange === undefined ? null : `has only ${known.join(', ')}, and no ${JSON.stringify(strange.slice(0, 64))}.`;
}

function isWhole(value: Json | undefined, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most;
}

/** What a decision gave in advance, as the API returns it. */
export function gaveJson(
  { allowance, denial }: { readonly allowance?: Allowance; readonly denial?: StandingDenial },
  now: Date,
) {
  return {
    gave: {
      allowance: allowance === undefined ? null : allowanceJson(allowance, now),
      denial: denial === undefined ? null : denialJson(denial, now),
    },
  };
}
