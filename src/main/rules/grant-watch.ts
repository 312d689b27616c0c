import type { OpenVisits } from '../../gateway/state/open-visits.ts';
import type { Log } from '../../ports.ts';
import type { LiveRules } from './live-rules.ts';
import type { RevokedTokens } from './revoked-tokens.ts';
import type { Servers } from './servers.ts';

/** Milliseconds between two looks at whether what is open may stay open. */
const LOOK_MS = 500;

/**
 * Ends what grants keep open here once their token is revoked, has expired, is no longer in the config, or is no longer
 * bound to the server, or the provider takes an access token back; and the children that stdio servers run for them. Looks at once when the revoked tokens were
 * read (every second, on every replica), and every 500 ms for the rest, so that all of it is gone within 2 s. Returns a
 * function that stops the watching.
 */
export function watchGrants({
  visits,
  rules,
  servers,
  revoked,
  stands,
  log,
}: {
  readonly visits: OpenVisits;
  readonly rules: Pick<LiveRules, 'accepts' | 'principal'>;
  readonly servers: Pick<Servers, 'keepGrants'>;
  readonly revoked: Pick<RevokedTokens, 'onRead'>;
  /** Whether the provider takes the access token of this credential still; it may be asked again. */
  readonly stands: (credential: string) => boolean;
  readonly log: Log;
}): () => void {
  const look = (): void => {
    const ended = visits.endUnless((token, server) => rules.accepts(token, server) && stands(token));
    if (ended > 0) log.info({ ended }, 'what a grant kept open was ended, because it is no longer accepted');
    servers.keepGrants((grant, server) => rules.principal(grant, server) !== null);
  };
  revoked.onRead(look);
  const timer = setInterval(look, LOOK_MS);
  return () => {
    revoked.onRead(null);
    clearInterval(timer);
  };
}
