import type { AccountBinding, AccountStanding, ProvenIdentity } from '../../domain/people/identity.ts';
import type { EmailHolding, PersonLogins } from '../../ports.ts';
import type { Directory } from './directory.ts';

/** Somebody who has a role here. */
export type KnownStanding = Extract<AccountStanding, { readonly kind: 'known' }>;

const NOT_HELD: Readonly<Record<Exclude<EmailHolding, 'held'>, string>> = {
  of_another:
    'This e-mail address belongs to another account here: the first one that signed in with it. If the account was replaced, an operator writes its subject under people.',
  has_another:
    'This account has signed in here with another e-mail address, and an account has one. If the address was changed, an operator writes the account’s subject under people.',
  not_whole:
    'Which account has which e-mail address cannot be believed: the table is not what a gateway left. An operator looks at the alarms; the admin token works meanwhile.',
};

/**
 * Who an account is and what they may do, by all that is asked of it. Whoever lets a person in asks this, at the sign-in and at
 * each request after it.
 */
export async function judgeAccount(
  {
    personLogins,
    directory,
  }: { readonly personLogins: Pick<PersonLogins, 'holdEmail'>; readonly directory: Directory },
  identity: ProvenIdentity,
  at: Date,
): Promise<AccountStanding> {
  const standing = directory.standing(identity);
  if (standing.kind === 'refused' || standing.by !== 'email') return standing;
  const holding = await personLogins.holdEmail(identity.email!, identity, at);
  return holding === 'held' ? standing : { kind: 'refused', why: NOT_HELD[holding] };
}

/** Whether this is the person as whom the login began. `id`: under which it began. */
export function isAsItBegan(id: string, began: AccountBinding, now: KnownStanding): boolean {
  return now.id === id && now.person === began.person && now.by === began.by;
}
