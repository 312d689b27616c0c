/** Gateways on one Redis and one Postgres, and what each kind of process has used. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { SlackStandIn } from '../../src/demo/slack/stand-in.ts';
import { type GatewayProcess, openHouse } from '../../test/support/gateway/program.ts';
import { startBacking } from '../../test/support/store/backing.ts';
import { cpuSeconds, Rig, residentKb } from '../rig.ts';

/** Of one kind of process each: seconds of CPU, or octets of memory. */
export interface CpuSeconds {
  readonly gateways: number;
  readonly postgres: number;
  readonly redis: number;
}

export interface ReplicaWorld {
  readonly gateways: readonly GatewayProcess[];
  readonly slack: SlackStandIn;
  /** The agent's token. */
  readonly token: string;
  /** A decision over the API of this gateway. */
  approve(id: string, gateway: GatewayProcess): Promise<void>;
  /** Since they were started. */
  cpu(): Promise<CpuSeconds>;
  /** Octets: resident of gateways; Postgres' share of what it shares; what Redis has allocated. */
  memory(): Promise<CpuSeconds>;
  /** Octets of the database, and of write-ahead log written so far. */
  octets(): Promise<{ readonly disk: number; readonly wal: number }>;
  close(): Promise<void>;
}

const POLICY = 'version: "1"\ndefault: require_approval\n';
/** The most that a grant may have pending. */
const ROOM = 10_000;

export async function replicaWorld(replicas: number): Promise<ReplicaWorld> {
  const [backing, rig] = [await startBacking('redis and postgres'), new Rig()];
  const databaseUrl = await backing.database();
  const upstream = await rig.script('upstream.ts');
  const house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}/mcp"`, policy: POLICY } },
    approval: `{ timeout: 2h, max_pending: ${ROOM}, kept_bytes: 1073741824, openings: 10000/second, hold: { default: 1h, progress: 1h } }`,
    databaseUrl,
    redisUrl: backing.redis!.url,
    env: { HOLDFAST_LOG: 'error' },
  });
  const starts = Array.from({ length: replicas }, (_, n) =>
    house.start({ env: { HOLDFAST_DATA: join(house.folder, `data-${n}`) } }),
  );
  const gateways = await Promise.all(starts);
  const redis = new Redis(backing.redis!.url);
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  const one = async (text: string): Promise<Record<string, string>> => (await database.query(text)).rows[0];
  const postmaster = parentOf(Number((await one('select pg_backend_pid() as pid')).pid));
  const told = async (section: string, name: string): Promise<number> =>
    Number(new RegExp(`^${name}:([0-9.]+)`, 'm').exec(await redis.info(section))?.[1]);
  const sum = (of: (pid: number) => number, pids: readonly number[]): number =>
    pids.reduce((all, pid) => all + of(pid), 0);
  const pids = gateways.map(({ pid }) => pid);
  return {
    gateways,
    slack: house.slack,
    token: house.tokens.agent!,
    approve: async (id, gateway) => {
      const body = JSON.stringify({ decision: 'approve' });
      const headers = { 'content-type': 'application/json' };
      const answer = await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', headers, body });
      if (answer.status !== 200) throw new Error(`a decision was answered ${answer.status}: ${await answer.text()}`);
      await answer.body?.cancel();
    },
    cpu: async () => ({
      gateways: sum(cpuSeconds, pids),
      postgres: sum(cpuSeconds, [postmaster, ...childrenOf(postmaster)]) + reapedSeconds(postmaster),
      redis: (await told('cpu', 'used_cpu_user')) + (await told('cpu', 'used_cpu_sys')),
    }),
    memory: async () => ({
      gateways: sum(residentKb, pids) * 1024,
      postgres: sum(proportionalKb, [postmaster, ...childrenOf(postmaster)]) * 1024,
      redis: await told('memory', 'used_memory'),
    }),
    octets: async () => {
      const { disk, wal } = await one(
        "select pg_database_size(current_database()) as disk, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal",
      );
      return { disk: Number(disk), wal: Number(wal) };
    },
    close: async () => {
      redis.disconnect();
      await database.end();
      await house.close();
      await rig.close();
      await backing.stop();
    },
  };
}

function statOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
}

const parentOf = (pid: number): number => Number(statOf(pid)[1]);

/** CPU of children that have ended. */
function reapedSeconds(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

function childrenOf(pid: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((each) => {
    try {
      return parentOf(each) === pid;
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

/** Memory of a process, of what several share its part: KiB. */
function proportionalKb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}
