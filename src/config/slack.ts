import type { BurstTerms } from '../domain/approval/burst.ts';
import type { SlackConfig } from './config.ts';
import { CHANNEL_FORM, ChannelShape, type SlackShape } from './config-schema.ts';
import { durationMs } from './document/duration.ts';
import { entriesOf, type FaultList, isNow } from './document/shape.ts';

/** Reads `slack:`. A channel for a server that does not exist is a fault: it would stay empty unnoticed. */
export function slackOf(shape: SlackShape | undefined, servers: readonly string[], faults: FaultList): SlackConfig {
  const known = `one of the servers: ${servers.join(', ')}`;
  return {
    channel: shape?.channel ?? null,
    team: shape?.team ?? null,
    enterprise: shape?.enterprise ?? null,
    app: shape?.app ?? null,
    channels: {
      servers: channelsOf('servers', shape, (name) => (servers.includes(name) ? null : known), faults),
      tools: channelsOf('tools', shape, (name) => toolFault(name, servers, known), faults),
    },
    fallback: shape?.fallback ?? null,
    direct: shape?.direct ?? 'off',
    digest: digestOf(shape?.digest, faults),
  };
}

const SHORTEST_BURST_MS = 1_000;
const LONGEST_BURST_MS = 10 * 60_000;

/** Cards of one grant or tool are told together when there are more than three within a minute. */
function digestOf(shape: SlackShape['digest'], faults: FaultList): BurstTerms | null {
  if (shape === 'off') return null;
  const at = ['slack', 'digest', 'within'];
  const withinMs = durationMs(shape?.within, at, faults) ?? 60_000;
  if (withinMs < SHORTEST_BURST_MS || withinMs > LONGEST_BURST_MS)
    faults.add(at, 'is too short or too long', 'a duration from 1s to 10m, such as 1m');
  return { over: shape?.over ?? 3, withinMs };
}

/** A server's name holds no dot, so the first one ends it. */
function toolFault(name: string, servers: readonly string[], known: string): string | null {
  const dot = name.indexOf('.');
  if (dot < 1 || dot === name.length - 1) return 'server.tool';
  return servers.includes(name.slice(0, dot)) ? null : `${known}, then a dot and the tool`;
}

function channelsOf(
  kind: 'servers' | 'tools',
  shape: SlackShape | undefined,
  wrong: (name: string) => string | null,
  faults: FaultList,
): Record<string, string> {
  const at = ['slack', 'channels', kind];
  const channels: Record<string, string> = Object.create(null);
  const form = `a map from ${kind === 'servers' ? 'server' : 'server.tool'} to a channel id`;
  for (const [name, channel] of entriesOf(shape?.channels?.[kind], at, form, faults)) {
    const expected = wrong(name);
    if (expected !== null) faults.addKey([...at, name], `there is no ${name}`, expected);
    if (ChannelShape.safeParse(channel).success) channels[name] = channel as string;
    else faults.add([...at, name], isNow(channel), CHANNEL_FORM);
  }
  return channels;
}
