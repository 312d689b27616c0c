import { query } from '../store/backing.ts';
import { startPostgres, startRedis, type TestServer } from '../store/servers.ts';
import { eventually } from '../wait.ts';
import { type House, openHouse, STORE_SECRET } from './program.ts';
import { bootWorker, type LocalWorker } from './worker.ts';

/** The Worker with everything around it but a Node gateway: whatever happens, workerd did. */
export interface WorkerWorld {
  readonly house: House;
  readonly redis: TestServer;
  readonly postgres: TestServer;
  readonly url: string;
  /** Ends the runtime in the middle of whatever it is doing. */
  stop(): Promise<void>;
  /** Boots it again, cold: its Durable Object starts with the first request. */
  boot(): Promise<void>;
  /** This call's approval, from the database: a request would keep the object awake. */
  approval(name: string): Promise<WorkerApproval | null>;
  /** Waits until it is in this state. */
  reaches(name: string, state: string, ms?: number): Promise<WorkerApproval>;
  close(): Promise<void>;
}

/** The columns that tests read. */
export interface WorkerApproval {
  readonly id: string;
  readonly state: string;
  readonly awaits: string | null;
}

/** `servers`: YAML and a policy, by name. Calls are told apart by their argument `name`. `persist`: as in `WorkerOptions`. */
export async function openWorkerWorld(
  servers: Readonly<Record<string, { readonly at: string; readonly policy: string }>>,
  persist?: string,
): Promise<WorkerWorld> {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  const house = await openHouse({ servers });
  const vars = workerVars(house, postgres, redis);
  let worker: LocalWorker;
  const boot = async (): Promise<void> => {
    worker = await bootWorker({ files: house.folder, vars, ...(persist === undefined ? {} : { persist }) });
    house.slack.interactivityUrl = `${worker.url}/slack/events`;
  };
  const approval = async (name: string): Promise<WorkerApproval | null> => {
    const text = `select id, state, awaits from holdfast.approvals where arguments ->> 'name' = '${name}'`;
    return ((await query(postgres.url, text))[0] as WorkerApproval | undefined) ?? null;
  };
  const stop = (): Promise<void> => worker?.stop();
  const close = async (): Promise<void> => {
    await stop();
    await house.close();
    await Promise.all([redis.stop(), postgres.stop()]);
  };
  try {
    await boot();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    house,
    redis,
    postgres,
    get url() {
      return worker.url;
    },
    stop,
    boot,
    approval,
    reaches: (name, state, ms) =>
      eventually(
        `${name} is ${state}`,
        async () => {
          const row = await approval(name);
          return row?.state === state ? row : null;
        },
        ms,
      ),
    close,
  };
}

/** The Worker's variables for this house and these servers. */
export function workerVars(house: House, postgres: TestServer, redis: TestServer): Record<string, string> {
  return {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    HOLDFAST_SECRET: STORE_SECRET,
    HOLDFAST_ADMIN_TOKEN: house.adminToken,
    SLACK_BOT_TOKEN: house.slack.botToken,
    SLACK_SIGNING_SECRET: house.slack.signingSecret,
    SLACK_API_URL: house.slack.apiUrl,
  };
}
