import { createHash } from 'node:crypto';
import type { ServerConfig } from './config.ts';

/**
 * What two servers of the config have in common when they lead to the same place: a digest of the URL without
 * credentials, query and fragment, or of the command. The same for every replica with the same config. It holds no
 * address, because a path may hold a secret.
 */
export function upstreamKey({ upstream }: Pick<ServerConfig, 'upstream'>): string {
  const address = upstream.kind === 'http' ? addressOf(upstream.url) : JSON.stringify(upstream.command);
  return `upstream ${createHash('sha256').update(`${upstream.kind} ${address}`, 'utf8').digest('hex').slice(0, 32)}`;
}

/** Loopback has three names. Text that is no URL (a variable that is not filled in) stands for itself. */
function addressOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, hostname, port, pathname } = new URL(text);
  const host = hostname.replace(/\.$/, '');
  const loopback = host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host);
  return `${protocol}//${loopback ? 'localhost' : host}:${port}${pathname.replace(/\/+$/, '')}`;
}
