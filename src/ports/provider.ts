import type { ProvenIdentity } from '../domain/people/identity.ts';

/** The client of one provider, as the config has it. */
export interface ProviderTerms {
  readonly issuer: string;
  readonly clientId: string;
  /** null: a public client. */
  readonly clientSecret: string | null;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  /** The claim whose values count; null: none. */
  readonly claim: string | null;
  /** The values that count. */
  readonly values: ReadonlySet<string>;
}

/** What a browser keeps while its person is at the provider. Secret. */
export interface SignInFlow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** What only the ID token has said, and userinfo has not. */
export interface IdTokenOnly {
  /** The claim of that name; null: userinfo has it too, or neither. */
  readonly claim: string | null;
  readonly email: boolean;
}

/** What the provider has said of somebody, and what it is asked again with. */
export interface Vouched {
  readonly identity: ProvenIdentity;
  /** The digest of `sid`; null: the provider gave none. */
  readonly session: string | null;
  readonly onlyInIdToken: IdTokenOnly;
  /** Tokens of the provider, as JSON. Secret. */
  readonly tokens: string;
}

/** Why a sign-in was refused: what is wrong, and what to do, for the person who signs in. Holds no secret. */
export interface SignInFault {
  readonly kind: 'refused';
  readonly why: string;
}

/** What a logout token says. At least one of the two is there. */
export interface LogoutWord {
  /** The digest of `sid`. */
  readonly session: string | null;
  readonly subject: string | null;
  /** A digest of the token's name, by which it is known when it comes again. */
  readonly mark: string;
}

/** The OpenID provider of the config that is in force. Throws `Unavailable('provider')` when it does not answer. */
export interface IdentityProvider {
  /** Where the browser is sent, and what it keeps meanwhile. */
  begin(redirectUri: string): Promise<{ readonly url: string; readonly flow: SignInFlow }>;
  /** `callback`: the whole address with which the browser came back. */
  finish(callback: URL, flow: SignInFlow): Promise<Vouched | SignInFault>;
  /**
   * Asks again. `gone`: the account, its session or this client's access to it is no more. `lapsed`: there is nothing left
   * to ask with, which says nothing of the account.
   */
  again(before: Vouched): Promise<Vouched | 'gone' | 'lapsed'>;
  /** Best effort: the provider forgets the tokens. Never rejects. */
  forget(tokens: string): Promise<void>;
  /**
   * Where a browser goes to end its session at the provider too; null: the provider names no such place, or does not say so
   * within a second. The address holds the ID token. Never rejects.
   */
  endOfSession(tokens: string): Promise<string | null>;
  /** What a logout token of the provider's says; null: it is not one. */
  logout(token: string): Promise<LogoutWord | null>;
}
