import type { AgentAccount, RefusedToken } from '../domain/people/access-token.ts';

/** The provider of agents' access tokens, as the config has it. */
export interface AgentTokenTerms {
  /** As the provider writes it in its tokens; exact. */
  readonly issuer: string;
  /** An audience that is accepted at every server; null: only a server's own address is. */
  readonly audience: string | null;
  /** Milliseconds for which a token may be good. */
  readonly longestMs: number;
  /** The client as which the provider is asked whether a token is good still; null: it is not asked. */
  readonly introspection: {
    readonly clientId: string;
    /** null: it is not set, so that no token can be judged. */
    readonly clientSecret: string | null;
    /** Milliseconds after which it is asked again about a token that is used. The answer serves for 10 s more while the next one is waited for. */
    readonly recheckMs: number;
    /** Tokens that are no signed JWTs are taken by what the provider says of them alone. */
    readonly opaque: boolean;
  } | null;
}

/** What the provider says of itself, and whether it can be used. */
export type ProviderFinding =
  | {
      readonly kind: 'found';
      /** Algorithms of its keys, or their kinds where they name none. */
      readonly keys: readonly string[];
      /** Clients may register by themselves, or come with a document of their own. */
      readonly registers: boolean;
      /** Seconds by which its clock is before ours (negative: behind); null: it told no time. */
      readonly skewS: number | null;
      /** Why it cannot be asked about tokens; null: it can, or the config does not want it to be. */
      readonly mute: string | null;
    }
  /** It does not answer, or what it says cannot be used. */
  | { readonly kind: 'unusable'; readonly why: string };

/** Judges agents' access tokens by the provider of the config that is in force. */
export interface AgentTokens {
  /**
   * `resource`: the address of the server that is called. `digest`: of the token. Throws `Unavailable('provider')` where the
   * provider's keys, or its word, are needed and cannot be had.
   */
  read(
    token: string,
    resource: string,
  ): Promise<RefusedToken | { readonly kind: 'account'; readonly account: AgentAccount; readonly digest: string }>;
  /** Whether what was opened with the token of this digest may stay open, by what the provider said in the last minute. */
  stands(digest: string): boolean;
  /** Asks the provider now. null: the config names none. Never rejects. */
  look(): Promise<ProviderFinding | null>;
}
