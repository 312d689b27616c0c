import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { SignedCheckpoint } from '../domain/checkpoint.ts';
import { readExportLine } from '../domain/export-line.ts';
import { Misuse, type Terminal } from '../main/process/terminal.ts';
import { DirectoryHeld, holdDirectory } from '../sql/connection/directory-lock.ts';
import { sqlLedger } from '../sql/ledger.ts';
import type { Tables } from '../sql/table/tables.ts';
import { keyRing } from '../vault/keys.ts';
import { publicKeyIn } from '../vault/proof.ts';
import { signingKey } from '../vault/signing.ts';
import { type EvidenceFinding, linesOf, type Trust, verifyExport, verifyLedger } from './verify-evidence.ts';
import { verdictOf } from './verify-report.ts';

export interface VerifyOptions {
  /** A file, or `-`; absent: the database. */
  readonly export?: string | undefined;
  readonly keys: readonly string[];
  readonly checkpoints: readonly string[];
  readonly data: string;
  readonly json: boolean;
}

/**
 * `audit verify`: 0 when everything fits and is vouched for, 1 when something does not fit, 3 when it fits but nobody
 * vouches for it. Needs no gateway: an export and a public key, or the database.
 */
export async function auditVerify(options: VerifyOptions, terminal: Terminal): Promise<number> {
  const trust: Trust = {
    keys: keysOf(options, terminal),
    elsewhere: (await Promise.all(options.checkpoints.map(checkpointsIn))).flat(),
  };
  const { report, problems, cards } =
    options.export === undefined
      ? await verifyDatabase(options, trust, terminal)
      : await verifyExport(linesOf(options.export), trust);
  terminal.out(
    options.json ? `${JSON.stringify({ ...report, problems, cards })}\n` : verdictOf(report, problems, cards),
  );
  if (report.faults.length + problems.length > 0) return 1;
  return report.head > 0 && report.covered === 0 ? 3 : 0;
}

/** The keys that may sign: those given, else those of this machine's secret. Never those that the evidence names. */
function keysOf({ keys, data }: VerifyOptions, terminal: Terminal): string[] {
  if (keys.length > 0) return keys.map(readKey);
  const own = ownKeys(data, terminal);
  if (own.length > 0) return own;
  throw new Misuse('Give the public key: --key FILE or --key HEX (the gateway prints it: holdfast audit key).');
}

/** Public keys made from HOLDFAST_SECRET, or from the secret that embedded mode made for itself. */
export function ownKeys(data: string, terminal: Terminal): string[] {
  const file = join(data, 'secret');
  const made = !terminal.env.DATABASE_URL && existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  const secrets = (terminal.env.HOLDFAST_SECRET || made).split(',').map((one) => one.trim());
  return secrets.filter((one) => one !== '').map((secret) => signingKey(keyRing(secret)).publicKey);
}

function readKey(given: string): string {
  const text = /^[0-9a-f]{64}$/i.test(given) ? given : readFileSync(given, 'utf8');
  const key = publicKeyIn(text);
  if (key === null) throw new Misuse(`${given} is no Ed25519 public key: 64 hex digits, or PEM.`);
  return key;
}

/** Checkpoints of `checkpoints.jsonl`, of a kept standard output or of an export; other lines are passed over. */
async function checkpointsIn(path: string): Promise<SignedCheckpoint[]> {
  const found: SignedCheckpoint[] = [];
  for await (const text of linesOf(path)) {
    const line = readExportLine(text.trim());
    if (line.kind === 'checkpoint') found.push(line.signed);
  }
  if (found.length === 0) throw new Error(`${path} holds no checkpoint.`);
  return found;
}

async function verifyDatabase(options: VerifyOptions, trust: Trust, terminal: Terminal): Promise<EvidenceFinding> {
  const { db, close } = await open(options.data, terminal.env.DATABASE_URL);
  try {
    return await verifyLedger(sqlLedger(db), trust);
  } finally {
    await close();
  }
}

/** As it stands: nothing is migrated, nothing is written. */
async function open(data: string, url: string | undefined) {
  if (url) {
    const pool = new pg.Pool({ connectionString: url, max: 3, application_name: 'holdfast audit verify' });
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    return { db, close: () => db.destroy() };
  }
  const directory = join(data, 'sql');
  if (!existsSync(directory))
    throw new Misuse(`There is no log in ${data}. Set DATABASE_URL, or give --data or --export.`);
  const release = await holdDirectory(data).catch((error: unknown) => {
    if (!(error instanceof DirectoryHeld)) throw error;
    throw new Error(
      `${data} is in use by a running gateway. Verify an export instead:\n` +
        '  holdfast audit export > audit.jsonl && holdfast audit verify --export audit.jsonl',
    );
  });
  const pglite = await PGlite.create({ dataDir: directory });
  const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
  return {
    db,
    close: async (): Promise<void> => {
      await pglite.close();
      await release();
    },
  };
}
