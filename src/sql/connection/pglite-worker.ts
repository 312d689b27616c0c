/**
 * The thread in which an embedded database runs: answers one statement after the other. Started as a process, with a
 * directory, it makes a database there and ends.
 */
import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { collectGarbage } from './collect-garbage.ts';
import type { StatementResult } from './embedded-database.ts';
import { watchDeath } from './pglite-death.ts';
import { type FromThread, sentError, type ToThread } from './thread-words.ts';

const BYTEA = 17;
/** What PGlite's own way, byte by byte, takes a hundred times as long for. */
const BYTES = {
  serializers: {
    [BYTEA]: (bytes: Uint8Array) =>
      `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`,
  },
  parsers: { [BYTEA]: (text: string) => new Uint8Array(Buffer.from(text.slice(2), 'hex')) },
};

/** Buffers of 128 MiB, as Postgres has them otherwise, are memory that this process never gives back. */
const SMALL = ['-c', 'shared_buffers=32MB', '-c', 'wal_buffers=512kB'];

const asIs = (text: string): string => text;

function say(words: FromThread): void {
  parentPort!.postMessage(words);
}

/**
 * Optimizing a few of Postgres' largest functions takes V8 some 100 MB and a second of a core at each start, and saves a
 * tenth of a statement. The flags are the process's: other modules of its, which are small, are not optimized either.
 */
for (const flag of ['liftoff-only', 'no-wasm-tier-up', 'no-wasm-dynamic-tiering']) setFlagsFromString(`--${flag}`);

function opened(dataDir: string): Promise<PGlite> {
  return PGlite.create({ dataDir, ...BYTES, startParams: [...PGlite.defaultStartParams, ...SMALL] });
}

/** In a process of its own: makes a database, and ends. */
async function make(dataDir: string): Promise<void> {
  // Whoever wanted it is gone.
  process.stdin.once('close', () => process.exit(1)).resume();
  await (await opened(dataDir)).close();
  process.exit(0);
}

async function serve(dataDir: string): Promise<void> {
  const pglite = await opened(dataDir);
  watchDeath(pglite, (why) => say({ kind: 'died', error: sentError(why) }));
  pglite.onNotification((channel, payload) => say({ kind: 'notification', channel, payload }));
  let before: Promise<void> = Promise.resolve();
  parentPort!.on('message', (asked: ToThread) => {
    before = before.then(() => answer(pglite, asked));
  });
  say({ kind: 'ready' });
}

async function answer(pglite: PGlite, asked: ToThread): Promise<void> {
  const { id } = asked;
  try {
    say({ kind: 'done', id, results: await run(pglite, asked) });
  } catch (error) {
    say({ kind: 'failed', id, error: sentError(error) });
  }
}

async function run(pglite: PGlite, asked: ToThread): Promise<StatementResult[]> {
  if (asked.kind === 'collect') collectGarbage();
  if (asked.kind === 'close') await pglite.close();
  if (asked.kind === 'close' || asked.kind === 'collect') return [];
  const { rowMode, unparsed = [] } = asked.options ?? {};
  const parsers = Object.fromEntries(unparsed.map((oid) => [oid, asIs]));
  const options = { ...(rowMode === undefined ? {} : { rowMode }), ...(unparsed.length === 0 ? {} : { parsers }) };
  const found =
    asked.kind === 'exec'
      ? await pglite.exec(asked.text, options)
      : [await pglite.query(asked.text, asked.params, options)];
  return found.map(({ rows, affectedRows, ...rest }) => {
    const { command, rowCount } = rest as { command?: string; rowCount?: number };
    return {
      rows: rows as StatementResult['rows'],
      ...(affectedRows === undefined ? {} : { affectedRows }),
      ...(command === undefined ? {} : { command }),
      ...(rowCount === undefined ? {} : { rowCount }),
    };
  });
}

if (parentPort === null) await make(process.argv[2]!);
else {
  serve((workerData as { dataDir: string }).dataDir).catch((error: unknown) =>
    say({ kind: 'not_started', error: sentError(error) }),
  );
}
