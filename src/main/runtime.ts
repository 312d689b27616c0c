import type { ServerConfig } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import type { EventMeter, Ports } from '../gateway/ports.ts';
import type { CheckpointCopy, Clock, Log, Seals, Sink, Tracing, Upstream, Witness } from '../ports.ts';
import type { ConsoleAsset } from '../web/console/context.ts';
import type { Meters } from '../web/http/meters.ts';
import type { AddressOf } from '../web/http/remote-address.ts';
import type { SlackAdapters } from './approvers.ts';
import type { Storage } from './process/storage.ts';
import type { ToolListing } from './upstream/list-tools.ts';

/** What differs between Node and Workers; everything else is the same gateway. */
export interface Runtime {
  readonly loaded: Loaded;
  readonly storage: Storage;
  /** Values of `HOLDFAST_SECRET`, newest first. */
  readonly keys: readonly string[];
  /** The name of this process in events and leases. */
  readonly replica: string;
  /** As in `Ports`. */
  readonly mostGatedBytes?: number;
  readonly clock: Clock;
  /** As in `Ports`. */
  readonly steady: Clock;
  readonly log: Log;
  /** What tests inject; absent in production. */
  readonly faults?: Pick<Ports, 'faultPoint' | 'leaseMs' | 'retainMs'>;
  /** Opens the upstream of a server; called once for each server that is used. */
  readonly openUpstream: (server: ServerConfig) => Upstream;
  readonly slack: SlackAdapters;
  /** Where checkpoints are kept besides the database. */
  readonly checkpointCopies?: readonly CheckpointCopy[];
  /** As in `Ports`. */
  readonly lastCopy?: Ports['lastCopy'];
  /** What remembers outside the database what was sent. `seals`: of this gateway's keys. */
  readonly witnesses?: (seals: Seals) => readonly Witness[];
  /** Names the database as the settings do. */
  readonly place?: string;
  /** As in `Ports`. */
  readonly openArchive?: Ports['openArchive'];
  /** Where sealed events are delivered; null: nowhere. */
  readonly sink?: Sink | null;
  /** Absent: nothing is counted and there is no `/metrics`. */
  readonly meters?: Meters;
  /** As in `Ports`. */
  readonly tracing?: Tracing;
  /** Told of events, too. */
  readonly onEvent?: EventMeter;
  /** The address that a request came from, proxies that are trusted seen through; null: nobody knows. */
  readonly addressOf: AddressOf;
  /** What the console needs of the runtime; absent: there are no pages. */
  readonly pages?: ConsoleRuntime;
  /** Where agents reach us; asked at each request, because the port may be known only once it listens. */
  readonly addresses: () => PublicAddresses;
  /**
   * The response that tells the HTTP server that an answer was written to the socket; absent: answers are `Response`s.
   */
  readonly alreadySent?: Response;
}

/** What the console's pages need of the runtime. */
export interface ConsoleRuntime {
  readonly assets: ReadonlyMap<string, ConsoleAsset>;
  /** Asks a server for its tools, as an agent would, within so many ms; absent: nobody can ask from the console. */
  readonly listTools?: (server: ServerConfig, timeoutMs: number) => Promise<ToolListing>;
}

/** The addresses under which this gateway is called. */
export interface PublicAddresses {
  /** Host headers that are ours, in lower case, with the port where it is not the scheme's own. */
  readonly hosts: ReadonlySet<string>;
  /** Without a trailing slash. */
  readonly publicUrl: string;
}

/** Counts events where this runtime counts, and tells of them where somebody wants it; else does nothing. */
export function eventMeterOf({ meters, onEvent }: Pick<Runtime, 'meters' | 'onEvent'>): EventMeter {
  const count = meters?.count ?? (() => undefined);
  if (onEvent === undefined) return count;
  return (event) => {
    count(event);
    onEvent(event);
  };
}
