import type { Loaded } from './load.ts';

/** The Slack channels to which cards go in quiet hours, each once. */
export function quietChannels({ config, policies }: Pick<Loaded, 'config' | 'policies'>): readonly string[] {
  const asks = [...policies.values()].flatMap(({ allTools, exact, globs }) => [
    allTools.ask,
    ...[...exact.values(), ...globs.map(({ rule }) => rule)].map(({ ask }) => ask),
  ]);
  const hours = [config.approval.quiet, ...asks.map(({ quiet }) => quiet)];
  const channels = hours.flatMap((one) => (one && one !== 'none' && one.channel !== undefined ? [one.channel] : []));
  return [...new Set(channels)];
}
