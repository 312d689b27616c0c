import { endStale } from '../gateway/allowance/end.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { beginSeals } from '../gateway/log/begin-seals.ts';
import { startGateway } from '../gateway/start.ts';
import type { Calls } from '../mcp/calls.ts';
import type { Epoch } from '../ports.ts';
import type { Approvers } from './approvers.ts';
import type { Pages } from './pages.ts';
import type { RevokedTokens } from './rules/revoked-tokens.ts';
import type { Servers } from './rules/servers.ts';

/** How an assembled gateway starts and stops. */
export interface Lifecycle {
  /** Reads since when rows are sealed, which tokens are revoked and what is frozen. From then on clicks may be taken: a decision needs nothing else but the store. */
  prepare(): Promise<void>;
  /**
   * Checks Slack and starts everything; also does what `prepare` does if that was not called. Resolves with a function
   * that stops it again. The runtime itself stops Slack and the storage.
   */
  start(): Promise<() => Promise<void>>;
}

/** What is started and stopped together. */
export interface LivingParts {
  readonly gateway: Gateway;
  readonly calls: Calls;
  readonly revoked: RevokedTokens;
  readonly servers: Servers;
  /** null: no Slack is configured. */
  readonly approvers: Approvers | null;
  readonly pages: Pages | null;
  /** Ends what grants keep open once they are no longer accepted; returns a function that stops it. */
  readonly watchGrants: () => () => void;
  /** Called once everything runs. */
  readonly started: () => void;
}

/** Nothing runs until `prepare` or `start` is called. */
export function lifecycleOf(parts: LivingParts): Lifecycle {
  const { gateway, calls, revoked, servers, approvers, pages, watchGrants, started } = parts;
  let prepared: Promise<Epoch | null> | null = null;
  const learn = async (): Promise<Epoch | null> => {
    // First of all: until it is known which log this is, no seal fits.
    const epoch = await beginSeals(gateway);
    await revoked.start();
    await gateway.knownFreezes.start();
    await gateway.knownInAdvance.start(() => endStale(gateway));
    return epoch;
  };
  const prepare = (): Promise<Epoch | null> => {
    prepared ??= learn();
    return prepared;
  };
  const begin = async (): Promise<() => Promise<void>> => {
    const [, epoch] = await Promise.all([approvers?.check(), prepare()]);
    return startGateway(gateway, epoch);
  };
  const start = async (): Promise<() => Promise<void>> => {
    const stopGateway = await begin().catch(async (error: unknown) => {
      // The first reads may still be under way, and whoever called closes the store next.
      await prepared?.catch(() => undefined);
      revoked.stop();
      gateway.knownFreezes.stop();
      gateway.knownInAdvance.stop();
      throw error;
    });
    const stopTasks = calls.begin();
    const stopWatching = watchGrants();
    started();
    return async () => {
      stopTasks();
      stopWatching();
      pages?.console.stop();
      revoked.stop();
      gateway.knownFreezes.stop();
      gateway.knownInAdvance.stop();
      await stopGateway();
      await servers.close();
    };
  };
  return { prepare: async () => void (await prepare()), start };
}
