import { cut } from '../../text/cut.ts';
import { REDACTED } from '../json/redact.ts';
import { withoutUriSecrets } from './uri-secrets.ts';

/** Longest URI that an event keeps, in UTF-16 units; what is cut off is marked with the whole length. */
const LONGEST_LOGGED_URI = 2_048;
/** Before the first slash, if any, a URI that goes on and on. */
const ENDLESS = /^[^/\\?#]*[/\\]{0,2}[^/\\?#]*$/;
/** Longest name of a prompt or a method that an event keeps. */
const LONGEST_LOGGED_NAME = 256;

/**
 * A URI as events, cards and pages may hold it (P8): without its user and password, and without the values of a query
 * or fragment whose names look secret. Bounded; a cut is marked.
 */
export function loggedUri(uri: string): string {
  // Far beyond what is kept, nothing is looked at: a secret there is cut off too.
  const looked = storable(uri.slice(0, 4 * LONGEST_LOGGED_URI));
  // What comes before an @ that is cut off may be a password.
  const shown = looked.length < uri.length && ENDLESS.test(looked) ? REDACTED : withoutUriSecrets(looked);
  if (shown.length <= LONGEST_LOGGED_URI && uri.length <= 4 * LONGEST_LOGGED_URI) return shown;
  return `${cut(shown, LONGEST_LOGGED_URI)} [cut: ${uri.length} characters]`;
}

/** The name of a prompt or a method as events may hold it: bounded, a cut is marked. */
export function loggedName(name: string): string {
  return name.length <= LONGEST_LOGGED_NAME
    ? storable(name)
    : `${cut(storable(name.slice(0, LONGEST_LOGGED_NAME + 1)), LONGEST_LOGGED_NAME)} [cut: ${name.length} characters]`;
}

/** PostgreSQL keeps neither NUL nor lone surrogates. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
