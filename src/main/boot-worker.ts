import { faultText } from '../config/document/fault.ts';
import { type Loaded, type LoadResult, loadConfig } from '../config/load.ts';
import { fetchUpstream } from '../mcp/upstream/fetch.ts';
import type { Log, Upstream } from '../ports.ts';
import { redisQueue } from '../queue/redis.ts';
import { redisWitness } from '../queue/redis-witness.ts';
import { type ObjectStorage, objectWitness } from '../sink/object-witness.ts';
import { slackWebDoor } from '../slack/web-door.ts';
import { fetchSlackClient } from '../slack/wire/fetch-client.ts';
import type { SqlConnection } from '../sql/connection/connection.ts';
import { openPostgres } from '../sql/connection/postgres.ts';
import { Meters } from '../web/http/meters.ts';
import { type Assembled, assemble } from './assemble.ts';
import { auditWebhook } from './process/audit-webhook.ts';
import { loggedCopy, printedCopy } from './process/checkpoint-copies.ts';
import { clockOf, STEADY_CLOCK } from './process/clocks.ts';
import { databasePlace } from './process/place.ts';
import { listOverHttp } from './upstream/list-over-http.ts';
import { workerAssets } from './workerd/assets.ts';
import { consoleLog } from './workerd/console-log.ts';
import type { WorkerEnv } from './workerd/env.ts';

/** A gateway that takes clicks already, and everything else once it runs. */
export interface Booted {
  readonly assembled: Assembled;
  /** Resolves once everything runs; when it rejects, the gateway's connection is closed. */
  readonly running: Promise<void>;
}

/** A Worker has no thread to give the work to, and little CPU time: longer calls are not held for an approval there. */
const MOST_GATED_BYTES = 256 * 1024;

/**
 * Resolves once clicks may be taken: Slack waits only 3 s for an answer, and a decision needs the config, the store and
 * the revoked tokens, but not the queue that carries its effects. `storage`: of the object that it runs in. Rejects with a
 * plain message.
 */
export async function bootWorker(env: WorkerEnv, storage: ObjectStorage): Promise<Booted> {
  const log = consoleLog();
  const variables = variablesOf(env);
  // In parallel with reading the config. A fault in the config is reported first.
  const opening = variables.DATABASE_URL
    ? openPostgres({ url: variables.DATABASE_URL, connections: 4, shared: true, log })
    : null;
  opening?.catch(() => undefined);
  try {
    const loaded = checked(await loadConfig({ env: variables, readFile: fileIn(env) }));
    const connection = await (opening ?? Promise.reject(unset()));
    const assembled = assembleOnWorkers(loaded, connection, storage, log);
    await assembled.prepare();
    const running = assembled.start().then(() => assembled.slack?.start());
    running.catch((error: unknown) => {
      log.error({ err: error }, 'the gateway cannot start');
      closeConnection(opening);
    });
    return { assembled, running };
  } catch (error) {
    closeConnection(opening);
    throw error;
  }
}

function closeConnection(opening: Promise<SqlConnection> | null): void {
  void opening?.then((connection) => connection.close()).catch(() => undefined);
}

/** The variables and secrets among the bindings, with the database as Hyperdrive gives it. */
function variablesOf(env: WorkerEnv): Record<string, string> {
  const variables = Object.entries(env).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const url = env.HYPERDRIVE?.connectionString;
  return { ...Object.fromEntries(variables), ...(url ? { DATABASE_URL: url } : {}) };
}

function fileIn({ HOLDFAST_FILES: files }: WorkerEnv): (path: string) => Promise<Uint8Array | null> {
  return async (path) => {
    const bytes = await files.get(path, 'arrayBuffer');
    return bytes === null ? null : new Uint8Array(bytes);
  };
}

const unset = (): Error => new Error('Workers need DATABASE_URL (or Hyperdrive), REDIS_URL and HOLDFAST_PUBLIC_URL');

/** Throws with what is wrong with the config, or with what Workers cannot do. */
function checked(loaded: LoadResult): Loaded {
  if (!loaded.ok) throw new Error(loaded.faults.map(faultText).join('; '));
  for (const server of loaded.config.servers.values()) {
    if (server.upstream.kind === 'http') continue;
    throw new Error(`servers.${server.name} has a command; on Workers there are no child processes, only url`);
  }
  const place = loaded.config.retention?.archive ?? null;
  if (place !== null) {
    throw new Error(
      'audit.archive is a folder or a bucket, which Workers do not write: leave audit.retain out, say archive: none, or let a ' +
        'gateway on Node with the same database archive',
    );
  }
  if (loaded.secrets.slackAppToken !== null) {
    throw new Error('Socket Mode does not run on Workers; unset SLACK_APP_TOKEN');
  }
  return loaded;
}

function assembleOnWorkers(loaded: Loaded, connection: SqlConnection, storage: ObjectStorage, log: Log): Assembled {
  const { settings, secrets } = loaded;
  const { publicUrl } = settings;
  const { redisUrl } = secrets;
  if (redisUrl === null || publicUrl === null) throw unset();
  const clock = clockOf(connection);
  return assemble({
    loaded,
    storage: { connection, queue: redisQueue({ url: redisUrl, log, clock }), clock, closeQueue: async () => undefined },
    keys: secrets.secrets,
    mostGatedBytes: MOST_GATED_BYTES,
    replica: `worker-${crypto.randomUUID().slice(0, 8)}`,
    clock,
    steady: STEADY_CLOCK,
    log,
    place: databasePlace(secrets.databaseUrl, settings.data),
    witnesses: (seals) => [objectWitness({ storage, seals, log }), redisWitness({ url: redisUrl, seals, log })],
    checkpointCopies: [loggedCopy(log), printedCopy((line) => console.log(String(line).trimEnd()))],
    sink: auditWebhook(secrets, clock),
    meters: new Meters({ ofProcess: false }),
    // Cloudflare sets this header itself and overwrites what the caller sent.
    addressOf: (c) => c.req.header('cf-connecting-ip') ?? null,
    pages: {
      assets: workerAssets(),
      listTools: ({ upstream }, timeoutMs) =>
        upstream.kind === 'http'
          ? listOverHttp(upstream, timeoutMs)
          : Promise.resolve({ ok: false, why: 'on Workers there are no child processes' }),
    },
    slack: { api: fetchSlackClient, door: (deps) => ({ ...slackWebDoor(deps), start: async () => undefined }) },
    openUpstream: ({ upstream }): Upstream => fetchUpstream(upstream.kind === 'http' ? upstream : { url: '' }),
    addresses: () => ({ hosts: new Set([new URL(publicUrl).host]), publicUrl }),
  });
}
