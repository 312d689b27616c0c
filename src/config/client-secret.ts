import type { Config } from './config.ts';
import type { Fault } from './document/fault.ts';
import type { Secrets } from './secrets.ts';

/** A provider that nobody may ask would leave no access token good. `secrets`: those that are used. */
export function lacksClientSecret({ oauth }: Pick<Config, 'oauth'>, secrets: Secrets): Fault | null {
  if (!oauth?.introspection || secrets.oauthClientSecret) return null;
  return {
    ...{ file: 'environment', line: 0, column: 0, path: 'HOLDFAST_OAUTH_CLIENT_SECRET', message: 'is not set' },
    expected: 'the secret of oauth.introspection.client_id, at the start, because the provider is to be asked',
  };
}
