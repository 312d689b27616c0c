import type { Config } from './config.ts';
import { personAt } from './people.ts';

/** Who wants to operate: freeze, thaw, revoke, accept a store. */
export type OperatorIdentity =
  | { readonly kind: 'admin_token' }
  | { readonly kind: 'slack'; readonly user: string }
  | { readonly kind: 'login'; readonly login: string };

export type OperatorJudgement =
  /** `person`: their name under `people`; null: it is not there. */
  | { readonly may: true; readonly person: string | null }
  /** `why`: a sentence for the one who was refused. */
  | { readonly may: false; readonly why: string };

/** The identity behind an approver's id. */
export function operatorBy(id: string): OperatorIdentity {
  if (id === 'admin') return { kind: 'admin_token' };
  return /^[UW][A-Z0-9]{2,20}$/.test(id) ? { kind: 'slack', user: id } : { kind: 'login', login: id };
}

/**
 * Whether this identity may operate: `operators` lists it (the admin token, unless the file says otherwise), or it is a way
 * of a person under `people` who has the role `operator`.
 */
export function mayOperate(
  { people, operators }: Pick<Config, 'operators' | 'people'>,
  identity: OperatorIdentity,
): OperatorJudgement {
  const id = idOf(identity);
  const person = personAt(people, id);
  if (operators.includes(id) || person?.roles.has('operator')) return { may: true, person: person?.name ?? null };
  const who = person?.name ?? 'this person';
  return {
    may: false,
    why: `The configuration does not let ${who} operate. Add them to operators, or give them the role operator under people.`,
  };
}

function idOf(identity: OperatorIdentity): string {
  switch (identity.kind) {
    case 'admin_token':
      return 'admin';
    case 'slack':
      return identity.user;
    case 'login':
      return identity.login.toLowerCase();
    default:
      return identity satisfies never;
  }
}
