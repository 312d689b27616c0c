import { signingOriginOf } from '../domain/addresses.ts';
import type { ToolRule } from '../domain/policy/policy.ts';
import { mayAskOf } from '../domain/policy/rule.ts';
import { needsSignature } from '../domain/policy/verdict.ts';
import type { Loaded } from './load.ts';
import { personAt } from './people.ts';
import { resolveRequirement } from './requirement.ts';

/** Calls whose approvals should be signed, and what would make it so. */
export interface UnsignedCalls {
  /** Without a full stop. */
  readonly what: string;
  readonly remedy: string;
}

/** How many tools are named one by one. */
const NAMED = 5;

/**
 * Calls that should be signed, where nobody can sign: critical ones are approved without a signature, and nobody can approve
 * those for which the policy requires one. Where people can sign, the calls for which too few of their approvers can. Empty
 * where all is well, and where there are no such calls.
 */
export function unsignedCalls(loaded: Loaded): UnsignedCalls[] {
  const { config, settings } = loaded;
  if (config.oidc && signingOriginOf(settings.publicUrl) !== null) return tooFewSigners(loaded);
  const remedy = config.oidc
    ? 'Set HOLDFAST_PUBLIC_URL to https and a name, or to http://localhost'
    : 'Configure oidc, and set HOLDFAST_PUBLIC_URL to https and a name, or to http://localhost';
  const required = rulesOf(loaded).filter(({ rule }) => rule.ask.stepUp === 'required');
  const critical = rulesOf(loaded).filter(({ rule }) => rule.ask.stepUp !== 'required');
  return [
    ...(required.length === 0
      ? []
      : [{ what: `nobody can approve ${listed(required)}: step_up is required, and nobody can sign here`, remedy }]),
    ...(critical.length === 0
      ? []
      : [{ what: `critical calls have no signature: ${listed(critical)} can be approved by a click`, remedy }]),
  ];
}

/**
 * Whoever signs is signed in as themselves, which needs an account under `people`. Who is in a user group is known in Slack
 * only: whoever has an id there may be.
 */
function tooFewSigners(loaded: Loaded): UnsignedCalls[] {
  const { config } = loaded;
  const short = rulesOf(loaded).filter(({ rule }) => {
    const { people, userGroups, escalate, quorum } = resolveRequirement(config, rule.ask);
    const named = [...people, ...(escalate?.people ?? [])].flatMap((id) => personAt(config.people, id) ?? []);
    const hasGroup = userGroups.length > 0 || (escalate?.userGroups.length ?? 0) > 0;
    const members = hasGroup ? [...(config.people?.values() ?? [])].filter(({ slack }) => slack !== null) : [];
    const able = [...named, ...members].filter(({ login }) => login !== null);
    return new Set(able.map(({ name }) => name)).size < quorum;
  });
  if (short.length === 0) return [];
  const what = `nobody can approve ${listed(short)}: it has to be signed, and fewer of its approvers than its quorum can sign in`;
  return [{ what, remedy: 'Give approvers a login under people, and their Slack id where a user group lists them' }];
}

interface SignedRule {
  readonly server: string;
  readonly rule: ToolRule;
}

/** Rules by which people are asked and that are critical, or require a signature. */
function rulesOf({ policies }: Pick<Loaded, 'policies'>): SignedRule[] {
  return [...policies].flatMap(([server, policy]) =>
    [...policy.exact.values(), ...policy.globs.map(({ rule }) => rule)]
      .filter((rule) => rule.action === 'require_approval' || mayAskOf(policy, rule.key))
      .filter(({ ask, severity }) => needsSignature(ask, severity, true))
      .map((rule) => ({ server, rule })),
  );
}

function listed(rules: readonly SignedRule[]): string {
  const names = rules.map(({ server, rule }) => `${server}.${rule.key}`);
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}
