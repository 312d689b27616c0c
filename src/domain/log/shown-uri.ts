import { cut } from '../../text/cut.ts';
import { DEFAULT_REDACTION, REDACTED, redact } from '../json/redact.ts';

/** Longest URI that an event keeps, in UTF-16 units; what is cut off is marked with the whole length. */
const LONGEST_LOGGED_URI = 2_048;
/** Longest name of a prompt or a method that an event keeps. */
const LONGEST_LOGGED_NAME = 256;

/**
 * A URI as events, cards and pages may hold it (P8): without its user and password, and without the values of a query
 * or fragment whose names look secret. Bounded; a cut is marked.
 */
export function loggedUri(uri: string): string {
  // Far beyond what is kept, nothing is looked at: a secret there is cut off too.
  const shown = withoutSecrets(storable(uri.slice(0, 4 * LONGEST_LOGGED_URI)));
  if (shown.length <= LONGEST_LOGGED_URI && uri.length <= 4 * LONGEST_LOGGED_URI) return shown;
  return `${cut(shown, LONGEST_LOGGED_URI)} [cut: ${uri.length} characters]`;
}

/** The name of a prompt or a method as events may hold it: bounded, a cut is marked. */
export function loggedName(name: string): string {
  return name.length <= LONGEST_LOGGED_NAME
    ? storable(name)
    : `${cut(storable(name.slice(0, LONGEST_LOGGED_NAME + 1)), LONGEST_LOGGED_NAME)} [cut: ${name.length} characters]`;
}

function withoutSecrets(uri: string): string {
  const hide = (whole: string, mark: string, name: string): string =>
    looksSecret(name) ? `${mark}${name}=${REDACTED}` : whole;
  return (
    uri
      .replace(/([/\\]{2})[^/\\?#]*@/g, `$1${REDACTED}@`)
      .replace(/([?#&])([^=?#&;]{1,256})=([^#&]+)/g, hide)
      // Some servers separate parameters by semicolons. A secret may hold one, so all up to the next & is hidden.
      .replace(/(;)([^=?#&;]{1,256})=([^#&]+)/g, hide)
  );
}

/** Names that are secret in the query of a URI, besides those that are secret everywhere. */
const SECRET_PARAMETER = /(^|[-_.])(key|sig|signature|auth|pass|pwd|jwt)$/i;

function looksSecret(encoded: string): boolean {
  const name = decoded(encoded);
  if (SECRET_PARAMETER.test(name)) return true;
  return (redact({ [name]: '' }, DEFAULT_REDACTION) as Record<string, unknown>)[name] === REDACTED;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** PostgreSQL keeps neither NUL nor lone surrogates. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
