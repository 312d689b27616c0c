import type { Secrets, Settings } from '../../config/settings.ts';
import { outOfReach } from '../../main/process/out-of-reach.ts';
import { ANSWER_MS, type DoctorFinding, fault, isLoopback, ok, warn } from './finding.ts';

/** This program is run as it stands by the first, and tested with the second. */
const OLDEST_NODE = [22, 18] as const;
const TESTED_NODE = 24;
const MAKE_ONE = 'Make one: openssl rand -base64 32';
/** Distinct characters that anything made by chance has, and words typed by hand have not. */
const VARIED = 16;

export function nodeFindings(version: string): DoctorFinding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    return [fault('node', `Node ${version} cannot run this program`, `Use Node ${TESTED_NODE}.`)];
  }
  if (major < TESTED_NODE) return [warn('node', `Node ${version} is not tested`, `Use Node ${TESTED_NODE}.`)];
  return [ok('node', `Node ${version}`)];
}

/** Whether what must not be guessed can be guessed. Says nothing of the values. */
export function secretFindings(
  { secrets, adminToken, slackSigningSecret }: Secrets,
  embedded: boolean,
): DoctorFinding[] {
  const about = 'HOLDFAST_SECRET';
  const found: DoctorFinding[] = [];
  if (secrets.length === 0 && embedded) found.push(ok(about, 'not set: one is made and kept in the data directory'));
  if (secrets.some(isGuessable)) found.push(warn(about, 'looks typed by hand', MAKE_ONE));
  if (secrets.length > 1) {
    const what = `${secrets.length} secrets are listed: a rotation is under way`;
    found.push(
      warn(about, what, 'Take the old one out once nothing is parked that was sealed with it (docs/operations.md).'),
    );
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

/** Whether agents, Slack and browsers find us by the address we give out. */
export async function placeFindings({ listen, publicUrl }: Settings): Promise<DoctorFinding[]> {
  const about = 'public URL';
  if (publicUrl === null) {
    if (isLoopback(listen.host)) return [ok(about, 'not set: only this machine may connect')];
    const what = `not set, and it listens on ${listen.host}: requests by any other name than localhost are refused`;
    return [warn(about, what, 'Set HOLDFAST_PUBLIC_URL to the address that agents use.')];
  }
  const url = new URL(publicUrl);
  const found: DoctorFinding[] = [];
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    const what = 'is http: tokens and arguments cross the network in the clear';
    found.push(warn(about, what, 'Put a proxy that speaks https in front, and give its address.'));
  }
  if (url.pathname !== '/') {
    found.push(
      fault(about, `has the path ${url.pathname}, under which nothing answers`, 'Give the address without a path.'),
    );
  }
  return [...found, await answering(publicUrl)];
}

async function answering(publicUrl: string): Promise<DoctorFinding> {
  const about = 'public URL';
  const remedy = 'If the gateway runs, look at the proxy before it and at DNS.';
  try {
    const answer = await fetch(`${publicUrl}/healthz`, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
    const { status } = answer;
    const ours = status === 200 && (await answer.text()).replaceAll(/\s/g, '') === '{"ok":true}';
    if (ours) return ok(about, `${publicUrl} leads here`);
    if (status >= 300 && status < 400)
      return warn(about, `${publicUrl} redirects elsewhere`, 'Give the address it leads to.');
    return warn(about, `something else answers at ${publicUrl} (${status})`, remedy);
  } catch (error) {
    const why = outOfReach(error)?.what ?? 'no answer in time';
    return warn(about, `nothing of ours answers at ${publicUrl} now: ${why}`, remedy);
  }
}
