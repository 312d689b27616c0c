import { percentDecoded } from '../../text/percent.ts';
import { REDACTED } from '../json/redact.ts';
import { secretName } from '../json/secret-name.ts';

/** How often a part may be percent-encoded over again; one that goes on longer is hidden. */
const MOST_DECODINGS = 4;

/**
 * A URI without what could be a password: user and password before a host, and the values of parameters whose names look
 * secret, as any reader might find them: parsers leave out tabs and line breaks and take one slash, or none, for two;
 * servers decode, once or over again, and unpack what is nested. In doubt more is hidden. Linear in the URI's length.
 */
export function withoutUriSecrets(uri: string): string {
  const shown = plainly(uri);
  const end = shown.search(/[?#]/);
  const path = end < 0 ? shown : shown.slice(0, end);
  const rest = end < 0 ? '' : shown.slice(end);
  return withoutEncodedInPath(path) + rest.replace(/[^?#&]+/g, (piece) => (hidesSecret(piece) ? named(piece) : piece));
}

/** What may stand in a scheme: parsers leave out tabs and line breaks. */
const SCHEME = String.raw`[a-z][a-z0-9+.\-\t\n\r]*:`;
const SLASHES = String.raw`[/\\\t\n\r]*`;
/** `https://u:p@`, `https:u:p@`, `mysql:u:p@tcp(h)`: whatever stands between a scheme and `@`. */
const AT_BEGINNING = new RegExp(String.raw`^([\0-\x20]*${SCHEME}${SLASHES})([^/\\?#]+)@`, 'i');
/** `postgres://u:p/w@h`: no port follows the colon, so a slash may belong to the password. */
const WITH_SLASH = new RegExp(String.raw`^([\0-\x20]*${SCHEME}[/\\]{2})[^/\\?#@[\]:]*:(?!\d*(?:[/\\?#]|$)).*@`, 'is');
/** `jdbc:oracle:thin:u/p@h`. */
const JDBC = /^(jdbc:(?:\w+:)*[/\\]*)[^?#]+@/i;
/** A URI within another. Longer users and passwords are found by two slashes only. */
const WITHIN = new RegExp(
  String.raw`([=?#&;,:(](?:https?|wss?|ftps?|[a-z]+sql|mongodb|redis|amqp):${SLASHES})[^/\\?#&]{1,2048}@`,
  'gi',
);
const AFTER_SLASHES = /([/\\][\t\n\r]*[/\\])[^/\\?#]+@/g;
/** A backslash is no slash to all parsers. */
const WITH_BACKSLASH = /(\/\/)[^/?#]+@/g;
/** `dsn=u:p@h`. */
const AS_VALUE = /(=)[^=:@&?#/\\]{1,256}:[^@&?#/\\]{1,1024}@/g;
/** In these, a name before `@` is an address, not a secret. */
const ADDRESSES = /^(?:mailto|acct|xmpp|sips?|im|pres):[^:]*$/i;

/** Hides what can be seen without decoding. */
function plainly(uri: string): string {
  const address = /^[^@]*/.exec(uri)![0];
  const hosts = (ADDRESSES.test(address) ? uri : uri.replace(AT_BEGINNING, `$1${REDACTED}@`))
    .replace(WITH_SLASH, `$1${REDACTED}@`)
    .replace(JDBC, `$1${REDACTED}@`)
    .replace(WITHIN, `$1${REDACTED}@`)
    .replace(AFTER_SLASHES, `$1${REDACTED}@`)
    .replace(WITH_BACKSLASH, `$1${REDACTED}@`)
    .replace(AS_VALUE, `$1${REDACTED}@`);
  return withoutValues(withoutValues(hosts, PARAMETER), MEMBER);
}

/** `?token=…`, `;password=…`, `/key=…`. */
const PARAMETER = /(?<=^|[?#&;,:(/\\])([^=?#&;,:(/\\]{1,256})=/g;
/** `{"token":"…"}`, `q=token:…`. */
const MEMBER = /(?<=[{,&?#=][ "']{0,2})([\w.-]{1,256})["']? ?:/g;

/** Hides what follows a secret name: a secret may hold a semicolon, so all up to the next & is hidden. */
function withoutValues(uri: string, names: RegExp): string {
  const parameter = new RegExp(names);
  let shown = '';
  let from = 0;
  for (let found = parameter.exec(uri); found !== null; found = parameter.exec(uri)) {
    if (!isSecretParameter(found[1]!)) continue;
    const value = found.index + found[0].length;
    const end = value + uri.slice(value).search(/[#&]|$/);
    if (end > value) shown += uri.slice(from, value) + REDACTED;
    else shown += uri.slice(from, value);
    from = end;
    parameter.lastIndex = end;
  }
  return shown + uri.slice(from);
}

/** From the first name on that hides a secret by its encoding, the path is hidden. */
function withoutEncodedInPath(path: string): string {
  if (!path.includes('%')) return path;
  const head = new RegExp(String.raw`^([\0-\x20]*${SCHEME}${SLASHES})[^/\\]*`, 'i').exec(path);
  if (head !== null && hidesSecret(head[0])) return head[1] + REDACTED;
  for (const { index, 0: name } of path.matchAll(/[^/\\]+/g)) {
    if (hidesSecret(name)) return path.slice(0, index) + REDACTED;
  }
  return path;
}

/** Whether a part, once it is decoded, holds what would be hidden if it stood there plainly. */
function hidesSecret(part: string): boolean {
  let text = part;
  for (let times = 0; times < MOST_DECODINGS; times += 1) {
    const decoded = percentDecoded(text);
    if (decoded === text) return false;
    if (plainly(decoded) !== decoded) return true;
    text = decoded;
  }
  return percentDecoded(text) !== text;
}

/** A hidden piece of a query, with its name if that stands there plainly. */
function named(piece: string): string {
  return (/^[\w.[\]-]{1,256}=/.exec(piece)?.[0] ?? '') + REDACTED;
}

/** Words that end the name of a secret in a URI, besides those that are secret everywhere. */
const SECRET_PARAMETER =
  /(?:^|[^a-z])(?:(?:access|account|auth|shared|secret|subscription)?key|sig|signature|auth|pass|passphrase|pwd|pw|jwt|bearer|otp|cookie|session|sid)$|sess(?:ion)?[^a-z]?id$/;

function isSecretParameter(encoded: string): boolean {
  let name = encoded;
  for (let times = 0; times <= MOST_DECODINGS; times += 1) {
    const plain = name.replace(/[\0-\x20\x7f]+/g, '');
    if (secretName(plain) !== null || SECRET_PARAMETER.test(inWords(plain))) return true;
    const decoded = percentDecoded(name);
    if (decoded === name) return false;
    name = decoded;
  }
  return true;
}

/** `sessionId2` as `session-id`. */
function inWords(name: string): string {
  return name
    .replace(/([a-z])(?=[A-Z])/g, '$1-')
    .toLowerCase()
    .replace(/[^a-z]+$/, '');
}
