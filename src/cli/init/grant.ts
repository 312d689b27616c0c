import { newGrant, tokenDigest } from '../../config/grants.ts';
import { freePath, textOf, writePrivate } from './files.ts';
import type { SetUpPlace } from './place.ts';

/** The grant of one client, with its token. */
export interface ClientGrant {
  readonly name: string;
  readonly token: string;
  readonly tokenSha256: string;
  /** Where the token is, for its owner alone. */
  readonly path: string;
  /** It is not in the config yet. */
  readonly fresh: boolean;
}

/**
 * The client's grant: that of this name in the config, where its token is still kept here, else a new one, of another name
 * where that is taken. Nothing is written.
 */
export function grantFor(name: string, { existing, kept }: SetUpPlace): ClientGrant {
  const path = (of: string): string => `${kept}/clients/${of}.token`;
  const known = existing?.config.grants ?? [];
  for (let number = 1; ; number++) {
    const tried = number === 1 ? name : `${name}-${number}`;
    const grant = known.find((each) => each.name === tried);
    if (grant === undefined) {
      const { token, tokenSha256 } = newGrant({ name: tried, servers: [], owner: null });
      return {
        name: tried,
        token,
        tokenSha256,
        path: freePath(path(tried).replace(/\.token$/, ''), '.token'),
        fresh: true,
      };
    }
    const file = textOf(path(tried));
    const token = file.kind === 'read' ? file.text.trim() : '';
    if (tokenDigest(token) === grant.tokenSha256) {
      return { name: tried, token, tokenSha256: grant.tokenSha256, path: path(tried), fresh: false };
    }
  }
}

export function keepToken({ fresh, path, token }: ClientGrant): void {
  if (fresh) writePrivate(path, `${token}\n`);
}
