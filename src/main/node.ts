import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { serve } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import type { Loaded } from '../config/load.ts';
import type { HttpApp } from '../http.ts';
import type { Log, Sink } from '../ports.ts';
import { slackDoor } from '../slack/door.ts';
import { slackClient } from '../slack/wire/client.ts';
import { withinOr } from '../time/within.ts';
import { Meters } from '../web/http/meters.ts';
import { type Assembled, assemble, type PublicAddresses } from './assemble.ts';
import { consoleAssets } from './console/files.ts';
import { Drain } from './process/drain.ts';
import type { FaultInjection } from './process/fault-injection.ts';
import { OpenAnswers } from './process/open-answers.ts';
import { embeddedSecret } from './process/secret.ts';
import { letGoOfTheStalled, REQUEST_MS, requestBounds, UNTAKEN_MS } from './process/stalled-connections.ts';
import { openStorage } from './process/storage.ts';
import { fileWitness, logWitness, spokenWitness } from './process/witnesses.ts';
import { listTools } from './upstream/list-configured.ts';
import { upstreamOnNode } from './upstream/open-on-node.ts';

export interface Running extends Pick<Assembled, 'rules' | 'told' | 'resettle'> {
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string;
  /**
   * New connections are refused and `/readyz` says 503 at once; held calls get the pending result, with which the agent
   * goes on at another replica; calls under way may finish for `DRAIN_MS`; then everything is let go.
   */
  stop(): Promise<void>;
}

/** Milliseconds that calls under way may take when the process is asked to stop. */
const DRAIN_MS = 10_000;
/** Milliseconds in which the calls that were cut off are recorded and their agents told. */
const RECORD_MS = 3_000;

/** Who hears of the audit log besides the database. */
export interface Listeners {
  readonly sink?: Sink | null;
  /** Where checkpoints are said aloud. */
  readonly out?: (text: string) => void;
}

/** Starts one gateway on Node. Throws with a plain message when something it needs is missing or out of reach. */
export async function startNode(
  loaded: Loaded,
  log: Log,
  ordeal: FaultInjection = {},
  { sink = null, out }: Listeners = {},
): Promise<Running> {
  const { settings, secrets } = loaded;
  const clock = { now: () => new Date() };
  const keys = secrets.secrets.length > 0 ? secrets.secrets : [embeddedSecret(settings.data)];
  const storage = await openStorage(settings, secrets, log);
  const undo: (() => Promise<void>)[] = [storage.connection.close, storage.closeQueue];
  try {
    let place: PublicAddresses = { hosts: new Set(), publicUrl: '' };
    const replica = `${hostname()}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
    const open = upstreamOnNode(clock, log);
    const slack = { api: slackClient, door: slackDoor };
    const witnesses = [fileWitness(settings.data), logWitness(log), ...(out ? [spokenWitness(out)] : [])];
    const audit = { witnesses, sink, meters: new Meters() };
    const pages = {
      assets: consoleAssets(),
      address: (c: Context) => getConnInfo(c).remote.address ?? 'unknown',
      listTools,
    };
    const ports = { loaded, storage, keys, replica, clock, log, pages, sent: RESPONSE_ALREADY_SENT };
    const gate = assemble({ ...ports, ...audit, ordeal, open, slack, place: () => place });
    undo.push(await gate.start());
    const { server, answers } = await listen(gate.app, settings.listen, ordeal.patienceMs);
    const drain = new Drain(server, answers);
    const url = urlOf(server, settings.listen.host);
    place = placeOf(url, settings.publicUrl);
    await gate.slack?.start();
    const stop = async (): Promise<void> => {
      drain.begin();
      gate.gateway.waitingRoom.stop();
      // In this order: a request that comes while others end may still begin a call.
      const ended = (): Promise<void> => drain.quiet().then(() => gate.calls.drained());
      await withinOr(DRAIN_MS, ended(), undefined);
      // While there is a store to record it in: what is still under way ends as unknown, here and not by a lease.
      await gate.hangUp();
      await withinOr(RECORD_MS, ended(), undefined);
      await gate.slack?.stop();
      drain.end();
      for (const step of undo.reverse()) await step();
    };
    return { url, rules: gate.rules, told: gate.told, resettle: gate.resettle, stop };
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
}

/** The names by which we may be called. */
function placeOf(url: string, publicUrl: string | null): PublicAddresses {
  const { host, port, hostname: name } = new URL(url);
  const loopback = ['127.0.0.1', '[::1]', 'localhost', '0.0.0.0', '[::]'].includes(name);
  const hosts = new Set([host, ...(loopback ? [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`] : [])]);
  if (publicUrl !== null) hosts.add(new URL(publicUrl).host);
  return { hosts, publicUrl: publicUrl ?? url };
}

interface Listening {
  readonly server: Server;
  readonly answers: OpenAnswers;
}

function listen(app: HttpApp, { host, port }: { host: string; port: number }, patienceMs?: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const serverOptions = requestBounds(patienceMs ?? REQUEST_MS);
    const server = serve({ fetch: app.fetch, hostname: host, port, serverOptions }, () =>
      resolve({ server, answers }),
    ) as Server;
    const answers = new OpenAnswers(server);
    letGoOfTheStalled(server, answers, patienceMs ?? UNTAKEN_MS);
    server.keepAliveTimeout = 65_000;
    server.on('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const why: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what listens there, or set HOLDFAST_LISTEN to another port.`,
    EACCES: `Port ${port} may not be used by this user. Set HOLDFAST_LISTEN to a port above 1023.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Set HOLDFAST_LISTEN.`,
  };
  return new Error(why[error.code ?? ''] ?? `Cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
