import type { SigningDeps } from '../../gateway/decision/sign.ts';
import type { BreakGlass } from '../../gateway/person/break-glass.ts';
import type { PersonConfirmer } from '../../gateway/person/confirm.ts';
import type { Directory } from '../../gateway/person/directory.ts';
import type { TokenDeps, TokenHolders } from '../../gateway/person/tokens.ts';
import type { IdentityProvider, PersonLogins } from '../../ports.ts';

/** What the doors need to let people in as themselves. */
export interface PeopleDoors {
  readonly directory: Directory;
  readonly provider: IdentityProvider;
  readonly personLogins: PersonLogins;
  readonly confirmer: PersonConfirmer;
  readonly breakGlass: BreakGlass;
  readonly tokens: TokenDeps['tokens'];
  readonly holders: TokenHolders;
  /** The approvers' Slack user groups that whoever has this approver's id is in, as far as is known at once. Never rejects. */
  userGroups(id: string): Promise<readonly string[]>;
  /** Passkeys, and what they sign. */
  readonly signing: SigningDeps;
}
