import { type Environment, inEnvironment, type ReportFault } from './environment.ts';

/** The variables that hold secrets of the gateway itself. Each can be given as a file: `NAME_FILE`. */
export const SECRET_NAMES = [
  'HOLDFAST_SECRET',
  'HOLDFAST_ADMIN_TOKEN',
  // A person's own, for the command line; a gateway that is started beside it does not keep it either.
  'HOLDFAST_TOKEN',
  'HOLDFAST_OIDC_CLIENT_SECRET',
  'HOLDFAST_OAUTH_CLIENT_SECRET',
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'REDIS_URL',
  'SLACK_BOT_TOKEN',
  'SLACK_SIGNING_SECRET',
  'SLACK_APP_TOKEN',
  'HOLDFAST_AUDIT_WEBHOOK',
  'HOLDFAST_AUDIT_WEBHOOK_SECRET',
] as const;

/** A file that may hold a secret, as it is on disk. `why`: in words, such as `cannot be read (ENOENT)`. */
export type SecretFile =
  | { readonly kind: 'read'; readonly bytes: Uint8Array; readonly openTo: 'nobody' | 'readers' | 'writers' }
  /** `missing`: there is no such file. */
  | { readonly kind: 'unreadable'; readonly why: string; readonly missing?: boolean };

/** Reads a file that may hold a secret; called again for every reading of the config. */
export type ReadSecretFile = (path: string) => SecretFile;

/** Where secrets come from. `readSecret` absent: there are no files here. */
export interface SecretSource {
  readonly env: Environment;
  readonly readSecret?: ReadSecretFile | undefined;
  /** A folder with secrets in files of the variables' names (`secrets` in the config); absent or null: there is none. */
  readonly folder?: string | null;
}

/** The variable that names the file of a secret. */
export const fileVariable = (name: string): string => `${name}_FILE`;

/**
 * A secret: the variable `name`, or what is in the file that `name_FILE` names, or else in the file `name` of the folder of
 * secrets, without the line breaks at its end. null: none of them is there, or a fault was reported. `warn` gets what is
 * accepted and dangerous.
 */
export function secretFrom(source: SecretSource, name: string, wrong: ReportFault, warn: ReportFault): string | null {
  const value = inEnvironment(source.env, name);
  const variable = fileVariable(name);
  const path = inEnvironment(source.env, variable);
  if (path === null) return value ?? inFolderOfSecrets(source, name, wrong, warn);
  if (value !== null) {
    wrong(variable, `is set, and so is ${name}`, `one of ${name} and ${variable}`);
    return null;
  }
  return readFrom(path, variable, source, wrong, warn);
}

/** A file that is not there is a secret that is not set. */
function inFolderOfSecrets(source: SecretSource, name: string, wrong: ReportFault, warn: ReportFault): string | null {
  const { folder = null, readSecret } = source;
  if (folder === null || readSecret === undefined) return null;
  const path = `${folder}/${name}`;
  const file = readSecret(path);
  if (file.kind === 'unreadable' && file.missing) return null;
  return readFrom(path, 'secrets', { readSecret: () => file }, wrong, warn);
}

/** `variable`: what named the path. */
function readFrom(
  path: string,
  variable: string,
  { readSecret }: Pick<SecretSource, 'readSecret'>,
  wrong: ReportFault,
  warn: ReportFault,
): string | null {
  const file: SecretFile = readSecret?.(path) ?? { kind: 'unreadable', why: 'cannot be read: there are no files here' };
  if (file.kind === 'unreadable') {
    wrong(variable, `names ${path}, which ${file.why}`, 'a file that this user may read, with the secret in it');
    return null;
  }
  if (file.openTo === 'writers') {
    wrong(variable, `names ${path}, which other users may write`, `chmod 600 ${path}`);
    return null;
  }
  if (file.openTo === 'readers') {
    warn(variable, `names ${path}, which other users of this machine may read`, `chmod 600 ${path}`);
  }
  return textIn(file.bytes, (message, expected) => wrong(variable, `names ${path}, which ${message}`, expected));
}

function textIn(bytes: Uint8Array, wrong: (message: string, expected: string) => void): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\r\n]+$/, '');
    if (text.trim() !== '' && !text.includes('\0')) return text;
    wrong(text.includes('\0') ? 'holds a NUL' : 'is empty', 'the secret, as text');
  } catch {
    wrong('is not UTF-8', 'the secret, as text');
  }
  return null;
}
