import type { Settings } from '../../config/settings.ts';
import { outOfReach } from '../../main/process/out-of-reach.ts';
import { ANSWER_MS, type DoctorFinding, fault, isLoopback, ok, warn } from './finding.ts';

const ABOUT = 'public URL';

/** Checks that agents, Slack and browsers reach this gateway at its public address. */
export async function publicUrlFindings({ listen, publicUrl }: Settings): Promise<DoctorFinding[]> {
  if (publicUrl === null) {
    if (isLoopback(listen.host)) return [ok(ABOUT, 'not set: only this machine may connect')];
    const what = `not set, and it listens on ${listen.host}: requests for any host but localhost are refused`;
    return [warn(ABOUT, what, 'Set HOLDFAST_PUBLIC_URL to the address that agents use.')];
  }
  const url = new URL(publicUrl);
  const found: DoctorFinding[] = [];
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    const what = 'is http: tokens and arguments cross the network in the clear';
    found.push(warn(ABOUT, what, 'Put an https proxy in front, and give its address.'));
  }
  if (url.pathname !== '/') {
    found.push(
      fault(ABOUT, `has the path ${url.pathname}, under which nothing answers`, 'Give the address without a path.'),
    );
  }
  return [...found, await answering(publicUrl)];
}

async function answering(publicUrl: string): Promise<DoctorFinding> {
  const remedy = 'If the gateway runs, check DNS and the proxy in front of it.';
  try {
    const response = await fetch(`${publicUrl}/healthz`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const { status } = response;
    const isOurs = status === 200 && (await response.text()).replaceAll(/\s/g, '') === '{"ok":true}';
    if (isOurs) return ok(ABOUT, `${publicUrl} leads here`);
    if (status >= 300 && status < 400)
      return warn(ABOUT, `${publicUrl} redirects elsewhere`, 'Give the address that it redirects to.');
    return warn(ABOUT, `something else answers at ${publicUrl} (${status})`, remedy);
  } catch (error) {
    const why = outOfReach(error)?.what ?? 'no answer in time';
    return warn(ABOUT, `no Holdfast answers at ${publicUrl} now: ${why}`, remedy);
  }
}
