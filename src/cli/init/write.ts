import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseConfig } from '../../config/config-file.ts';
import { faultText } from '../../config/document/fault.ts';
import { inEnvironment } from '../../config/environment.ts';
import { extendedConfig } from '../../config/extended.ts';
import { fileVariable } from '../../config/secret-from.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { freePath, replacePrivate, textOf, writePrivate } from './files.ts';
import { type ClientGrant, keepToken } from './grant.ts';
import { KEPT, openKept, type SetUpPlace } from './place.ts';
import type { ScannedServer } from './scan.ts';

/** What init writes, before it is written. */
export interface SetUp {
  readonly configText: string;
  /** By path from the folder. */
  readonly policies: ReadonlyMap<string, string>;
  /** By variable. */
  readonly secrets: ReadonlyMap<string, string>;
}

const ADMIN = 'HOLDFAST_ADMIN_TOKEN';

/** Makes the texts, and reads them as a start would. Throws where they would not load; nothing is written. */
export function setUpFor(
  place: SetUpPlace,
  scanned: readonly ScannedServer[],
  names: readonly string[],
  grant: ClientGrant,
  { env }: Terminal,
): SetUp {
  const policies = new Map<string, string>();
  const secrets = new Map<string, string>();
  const servers = scanned.map(({ server: { name, entry, secrets: own }, policy }) => {
    const path = relative(place.folder, freePath(join(place.folder, 'policies', name), '.yaml')).replaceAll('\\', '/');
    policies.set(path, policy);
    for (const [variable, value] of own) secrets.set(variable, value);
    return { name, entry, policy: path };
  });
  if (!hasAdminToken(place, env)) secrets.set(ADMIN, randomBytes(32).toString('base64url'));
  const configText = extendedConfig(place.existing?.text ?? null, {
    servers,
    grant: { name: grant.name, tokenSha256: grant.tokenSha256, servers: names },
    secrets: `${KEPT}/secrets`,
    listen: place.writeListen,
  });
  const parsed = parseConfig(configText, { path: place.configPath, env: null });
  if (!parsed.ok)
    throw new Error(['The config that would be written has faults:', ...parsed.faults.map(faultText)].join('\n'));
  return { configText, policies, secrets };
}

function hasAdminToken({ secrets }: SetUpPlace, env: Terminal['env']): boolean {
  const set = inEnvironment(env, ADMIN) ?? inEnvironment(env, fileVariable(ADMIN));
  return set !== null || existsSync(join(secrets, ADMIN));
}

/** Writes it: secrets first, the config last, because a gateway that runs reads it at once. */
export function writeSetUp(place: SetUpPlace, { configText, policies, secrets }: SetUp, grant: ClientGrant): void {
  openKept(place);
  for (const [variable, value] of secrets) writePrivate(join(place.secrets, variable), value);
  keepToken(grant);
  for (const [path, text] of policies) {
    mkdirSync(dirname(join(place.folder, path)), { recursive: true });
    writeFileSync(join(place.folder, path), text, { flag: 'wx' });
  }
  const { configPath, existing } = place;
  if (existing === null) writePrivate(configPath, configText);
  else if (existing.text !== configText) {
    const now = textOf(configPath);
    if (now.kind !== 'read' || now.text !== existing.text)
      throw new Error(`${configPath} was changed in the meantime; run this again`);
    writePrivate(freePath(join(place.kept, 'holdfast.before'), '.yaml'), existing.text);
    replacePrivate(configPath, configText);
  }
}
