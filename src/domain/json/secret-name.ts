/** How the name of a secret ends, in words that are joined by blanks. */
const SECRETS: ReadonlySet<string> = new Set([
  'password',
  'passwd',
  'pass word',
  'secret',
  'token',
  'credential',
  'authorization',
  'apikey',
  'api key',
  'privatekey',
  'private key',
  'secret key',
  'secret access key',
  // Written as one word so often that nobody sees two.
  ...['accesstoken', 'authtoken', 'bearertoken', 'refreshtoken', 'sessiontoken', 'idtoken', 'clientsecret'],
]);
/** The same without blanks. */
const JOINED: ReadonlySet<string> = new Set([...SECRETS].map((secret) => secret.replaceAll(' ', '')));
const MOST_WORDS = 3;

/** Words after a secret's name by which it still names the secret itself. Digits are no words: `base64` is `base`. */
const STILL_THE_SECRET: ReadonlySet<string> = new Set(
  ['value', 'text', 'string', 'header', 'plain', 'plaintext', 'raw', 'encoded', 'base', 'b', 'hex', 'v'].concat([
    'confirmation',
    'confirm',
    'repeat',
    'again',
    'old',
    'new',
    'current',
    'previous',
  ]),
);

/** A quick look: no other name can be a secret's. */
const PERHAPS = /pass|secret|token|key|auth|credential/i;
/** UTF-16 units; a longer name is no name of an argument, and hides nothing. */
const LONGEST_NAME = 256;
const ASCII = /^[ -~]*$/;

/** What a name says of its values. */
export type SecretName =
  /** `api_token`: text, numbers and booleans are secret. */
  | 'secret'
  /** `tokens`: text is secret; a number under such a name is a count (`max_tokens`). */
  | 'secrets'
  | null;

/**
 * Whether a member's name says that its value is secret. Whole words count, split at case and at everything that is no
 * letter, and the secret is what the name ends with: `apiToken`, `API-Key`, `x.private.key`, `password_2`, but not
 * `token_transfer`, `tokenize`, `secretary`, `password_policy`. Otherwise whoever calls could hide a value from its
 * approver by the choice of a name.
 */
export function secretName(name: string): SecretName {
  const text = ASCII.test(name) ? name : name.normalize('NFKC');
  if (text.length > LONGEST_NAME || !PERHAPS.test(text)) return null;
  const words = lastWords(text);
  if (endsInSecret(words)) return 'secret';
  const last = words[0] ?? '';
  if (last.endsWith('s') && endsInSecret([last.slice(0, -1), ...words.slice(1)])) return 'secrets';
  // `pAsSwOrD` has no words that anybody reads.
  return JOINED.has(text.replace(/[^A-Za-z]+/g, '').toLowerCase()) ? 'secret' : null;
}

function endsInSecret(words: readonly string[]): boolean {
  let end = '';
  for (const word of words) {
    end = end === '' ? word : `${word} ${end}`;
    if (SECRETS.has(end)) return true;
  }
  return false;
}

/** The last words, the last one first, in lower case; without those after which it is still the secret. */
function lastWords(text: string): string[] {
  const words: string[] = [];
  for (let at = text.length - 1; at >= 0 && words.length < MOST_WORDS; ) {
    const kind = kindOf(text.charCodeAt(at));
    if (kind === OTHER) {
      at--;
      continue;
    }
    let start = at;
    while (start > 0 && kindOf(text.charCodeAt(start - 1)) === kind) start--;
    // A capital begins the word of the small letters after it: `API`, `Key`.
    if (kind === SMALL && start > 0 && kindOf(text.charCodeAt(start - 1)) === CAPITAL) start--;
    const word = text.slice(start, at + 1).toLowerCase();
    if (words.length > 0 || !STILL_THE_SECRET.has(word)) words.push(word);
    at = start - 1;
  }
  return words;
}

const OTHER = 0;
const SMALL = 1;
const CAPITAL = 2;

/** Letters beyond ASCII count as small ones: in no secret's name is there any. */
function kindOf(unit: number): typeof OTHER | typeof SMALL | typeof CAPITAL {
  if (unit >= 0x61 && unit <= 0x7a) return SMALL;
  if (unit >= 0x41 && unit <= 0x5a) return CAPITAL;
  return unit > 0x7f ? SMALL : OTHER;
}
