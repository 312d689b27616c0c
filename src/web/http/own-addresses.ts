import type { Context } from 'hono';

/** Where we are reached. */
export interface OwnAddresses {
  /** Host header values that are ours, in lower case. */
  readonly hosts: () => ReadonlySet<string>;
  /** Without a trailing slash. */
  readonly publicUrl: () => string;
}

/** Whether this Host is ours: a name of somebody else's that points here (DNS rebinding) is not answered. */
export function isOurHost(place: OwnAddresses, c: Context): boolean {
  return place.hosts().has(hostOf(c));
}

/** Whether the page that sent this request is ours: the Origin is there, and is exactly the place that was asked. */
export function isOurOrigin(place: OwnAddresses, c: Context): boolean {
  const host = hostOf(c);
  const ours = new URL(place.publicUrl());
  const expected = host === ours.host ? ours.origin : `http://${host}`;
  const site = c.req.header('sec-fetch-site');
  return place.hosts().has(host) && c.req.header('origin') === expected && (site ?? 'same-origin') === 'same-origin';
}

export function isSecure(place: OwnAddresses): boolean {
  return place.publicUrl().startsWith('https:');
}

function hostOf(c: Context): string {
  return (c.req.header('host') ?? new URL(c.req.url).host).toLowerCase();
}
