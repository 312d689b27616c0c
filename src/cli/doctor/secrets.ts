import type { Secrets } from '../../config/secrets.ts';
import { type DoctorFinding, fault, ok, warn } from './finding.ts';

const MAKE_ONE = 'Make one: openssl rand -base64 32';
/** Different characters that a random secret has at least, and one typed by hand does not: the start refuses fewer than 8. */
const VARIED = 16;

/** Checks whether secrets can be guessed. Prints nothing of their values. */
export function secretFindings(
  { secrets, adminToken, slackSigningSecret }: Secrets,
  embedded: boolean,
): DoctorFinding[] {
  const about = 'HOLDFAST_SECRET';
  const found: DoctorFinding[] = [];
  if (secrets.length === 0 && embedded)
    found.push(ok(about, 'not set: one is generated and kept in the data directory'));
  if (secrets.some(isGuessable)) found.push(warn(about, 'looks typed by hand', MAKE_ONE));
  if (secrets.length > 1) {
    const what = `${secrets.length} secrets are listed: a rotation is under way`;
    found.push(warn(about, what, 'Remove the old one once nothing parked was sealed with it (docs/operations.md).'));
  }
  const token = 'HOLDFAST_ADMIN_TOKEN';
  if (adminToken === null) {
    found.push(warn(token, 'is not set: the console and the API are closed', MAKE_ONE));
  } else if (secrets.includes(adminToken) || adminToken === slackSigningSecret) {
    found.push(fault(token, 'is also used as another secret', MAKE_ONE));
  } else if (adminToken.length < 24 || isGuessable(adminToken)) {
    found.push(warn(token, 'can be guessed: it is short, or has few different characters', MAKE_ONE));
  }
  if (found.every(({ level }) => level === 'ok')) found.push(ok('secrets', 'long and varied'));
  return found;
}

function isGuessable(secret: string): boolean {
  return new Set(secret).size < VARIED;
}
