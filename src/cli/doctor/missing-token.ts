import { secretName } from '../../domain/json/secret-name.ts';

/** A variable as programs name it: `GITHUB_PERSONAL_ACCESS_TOKEN`. */
const VARIABLE = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;
/** That something is not there which has to be. */
const LACKS =
  /\b(?:not (?:be )?(?:set|found|provided|configured|defined)|(?:is|are) (?:required|missing|not set|undefined|empty)|missing|required|requires|must (?:be )?(?:set|provided?|specif(?:y|ied)|given|have)|please (?:set|provide|specify)|no (?:valid )?(?:api|access|auth)|needs?|without)\b/i;
const CREDENTIAL_WORDS =
  /\b(?:(?:api|access|auth|bearer|secret)[ _-]?(?:key|token|secret)s?|tokens?|credentials?|passwords?|connection string)\b/i;

/** What a server says that it lacks: names of variables, none where it only speaks of a token. null: it says no such thing. */
export function missingToken(said: string, given: Readonly<Record<string, string>>): readonly string[] | null {
  const lines = said.split(/\n| \/ |; it said: /).filter((line) => LACKS.test(line));
  const named = lines.flatMap((line) => line.match(VARIABLE) ?? []).filter((name) => secretName(name) !== null);
  const lacking = [...new Set(named)].filter((name) => !given[name]);
  if (lacking.length > 0) return lacking.slice(0, 5);
  // It names only what it was given, so something else is wrong with that.
  if (named.length > 0) return null;
  return lines.some((line) => CREDENTIAL_WORDS.test(line)) ? [] : null;
}
