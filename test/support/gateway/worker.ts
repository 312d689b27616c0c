import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unstable_startWorker as startWorker } from 'wrangler';
import { freePort } from '../port.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const run = promisify(execFile);
/** Milliseconds until a start that hangs is given up and tried once more. */
const BOOT_MS = 40_000;

/** The Worker in local workerd. */
export interface LocalWorker {
  readonly url: string;
  /** Ends the runtime in the middle of whatever it is doing. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** Its YAML and JSON files go into the KV binding under their names. */
  readonly files: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Where KV and storage are kept, for the next boot too; absent: nothing outlives this one. */
  readonly persist?: string;
}

/** Boots the Worker of `wrangler.toml` unchanged, with its files in a local KV. */
export async function bootWorker(options: WorkerOptions): Promise<LocalWorker> {
  const persist = options.persist ?? mkdtempSync(join(tmpdir(), 'holdfast-worker-'));
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  await putFiles(options.files, persist);
  const vars = { ...options.vars, HOLDFAST_PUBLIC_URL: url };
  const bindings = Object.fromEntries(
    Object.entries(vars).map(([name, value]) => [name, { type: 'plain_text', value }]),
  );
  const boot = () =>
    startWorker({
      config: join(ROOT, 'wrangler.toml'),
      build: { nodejsCompatMode: 'v2' },
      bindings: bindings as never,
      dev: { server: { hostname: '127.0.0.1', port }, inspector: false, persist, watch: false, logLevel: 'error' },
    });
  let worker = await withinBoot(boot());
  worker ??= await withinBoot(boot());
  if (worker === null) throw new Error('workerd did not start, twice');
  const started = worker;
  return {
    url,
    stop: async () => {
      await started.dispose();
      if (options.persist === undefined) rmSync(persist, { recursive: true, force: true });
    },
  };
}

/** A Durable Object's storage as a witness, in local workerd. `persist`: the folder that it is kept in. */
export async function bootWitnessObject(persist: string): Promise<LocalWorker> {
  const port = await freePort();
  const boot = () =>
    startWorker({
      config: new URL('witness-object.toml', import.meta.url).pathname,
      build: { nodejsCompatMode: 'v2' },
      dev: { server: { hostname: '127.0.0.1', port }, inspector: false, persist, watch: false, logLevel: 'error' },
    });
  const worker = (await withinBoot(boot())) ?? (await withinBoot(boot()));
  if (worker === null) throw new Error('workerd did not start, twice');
  return { url: `http://127.0.0.1:${port}`, stop: () => worker.dispose() };
}

/** About one start in fourteen hangs. */
async function withinBoot(starting: ReturnType<typeof startWorker>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), BOOT_MS);
  });
  const ready = starting.then(async (worker) => {
    await worker.ready;
    return worker;
  });
  const first = await Promise.race([ready, late]).finally(() => clearTimeout(timer));
  if (first === null) void starting.then((worker) => worker.dispose()).catch(() => undefined);
  return first;
}

async function putFiles(folder: string, persist: string): Promise<void> {
  const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
  for (const name of readdirSync(folder).filter((file) => /\.(yaml|json)$/.test(file))) {
    const path = ['--path', join(folder, name)];
    const where = [
      '--binding',
      'HOLDFAST_FILES',
      '--local',
      '--persist-to',
      persist,
      '--config',
      join(ROOT, 'wrangler.toml'),
    ];
    await run(process.execPath, [wrangler, 'kv', 'key', 'put', name, ...path, ...where], {
      env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false' },
    });
  }
}
