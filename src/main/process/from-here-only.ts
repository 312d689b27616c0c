import type { Settings } from '../../config/settings.ts';
import { isLoopbackHost } from '../../web/http/this-machine.ts';

/** Whether only this machine reaches the gateway, as far as its settings say: it listens on loopback, and nothing stands before it. */
export function isReachedFromHereOnly({
  listen,
  publicUrl,
  trustedProxies: proxies,
}: Pick<Settings, 'listen' | 'publicUrl' | 'trustedProxies'>): boolean {
  const elsewhere = publicUrl !== null && !isLoopbackHost(new URL(publicUrl).host);
  return isLoopbackHost(listen.host) && !elsewhere && proxies.length === 0;
}
