import { secretName } from '../../domain/json/secret-name.ts';

/** Whether an address may be a credential by itself: it has a query, or a part that looks like a key. */
export function holdsSecret(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { search, pathname } = new URL(text);
  return search !== '' || pathname.split('/').some((part) => KEY_LIKE.test(part));
}

const KEY_LIKE = /^(?=.*\d)(?=.*[A-Za-z])[\w.~+=-]{16,}$/;
/** What keys of known services begin with. */
const KNOWN_KEY =
  /^(?:sk|pk|rk|ghp|gho|ghs|ghu|github_pat|glpat|xox[abeprs]|xapp|hf|AKIA|ASIA|AIza|eyJ)[-_A-Za-z0-9]{10,}/;

/** The name under which a word of a command line is kept as a secret; null: it is none. */
export function secretOfWord(word: string, before: string | undefined): string | null {
  const option = /^--?([\w.-]+)$/.exec(before ?? '')?.[1];
  if (option !== undefined && !word.startsWith('-') && namesSecret(option)) return option;
  const [, assigned] = /^-{0,2}([\w.-]+)=./.exec(word) ?? [];
  // `docker run -e NAME=VALUE`: a variable of the server like any other.
  const isVariable = option === 'e' || option === 'env';
  if (assigned !== undefined && (isVariable || namesSecret(assigned))) return assigned;
  if (KNOWN_KEY.test(word)) return 'KEY';
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/@\s]*:[^/@\s]+@/i.test(word)) return 'URL';
  return /^https?:/i.test(word) && holdsSecret(word) ? 'URL' : null;
}

function namesSecret(option: string): boolean {
  return (
    secretName(option) !== null || /^(?:header|H|pat|key|pwd|pass|auth|bearer|connection-string|dsn)$/i.test(option)
  );
}
