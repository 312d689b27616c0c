/** A log in a real database, with everything that writes, seals and signs it, and direct access to its tables. */
import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { CheckpointSigner } from '../../../src/gateway/log/checkpoint-signer.ts';
import { exportLog } from '../../../src/gateway/log/export.ts';
import {
  type EvidenceFinding,
  type EvidenceTrust,
  verifyExport,
  verifyLedger,
} from '../../../src/gateway/log/verify.ts';
import type { Ledger, Store } from '../../../src/ports.ts';
import { openPostgres } from '../../../src/sql/connection/postgres.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import type { Tables } from '../../../src/sql/table/tables.ts';
import { passkeyProof } from '../../../src/vault/passkey-proof.ts';
import { proof } from '../../../src/vault/proof.ts';
import { vault } from '../../../src/vault/vault.ts';
import { quiet } from '../log.ts';
import { openPrepared } from '../store/open-prepared.ts';
import { TEST_SEALS } from '../store/seals.ts';
import { preparedUrl, type ServerKind, startPostgres } from '../store/servers.ts';
import type { StoredLog } from './tampering.ts';

export const SECRET = 'a secret that is long enough to be one';

export interface AuditWorld {
  readonly db: Kysely<Tables>;
  readonly store: Store;
  readonly ledger: Ledger;
  readonly gateway: Gateway;
  readonly signer: CheckpointSigner;
  /** Writes events and seals them. */
  log(...events: readonly NewEvent[]): Promise<void>;
  /** Signs a checkpoint and seals the event about it. */
  sign(): ReturnType<CheckpointSigner['sign']>;
  /** Replaces all rows with these. */
  replace(evidence: StoredLog): Promise<void>;
  verify(trust?: Partial<EvidenceTrust>): Promise<EvidenceFinding>;
  exported(): Promise<string[]>;
  close(): Promise<void>;
}

export async function auditWorld(kind: 'pglite' | Extract<ServerKind, 'postgres'>): Promise<AuditWorld> {
  const { db, close } = await (kind === 'pglite' ? openPrepared() : served());
  const store = sqlStore({ db, close }, TEST_SEALS);
  const ledger = sqlLedger(db, TEST_SEALS);
  const keyed = vault([SECRET]);
  const clock = { now: () => new Date() };
  const gateway = { store, ledger, vault: keyed, clock, log: quiet, replica: 'test' } as unknown as Gateway;
  const signer = new CheckpointSigner();
  signer.sealedSince({ log: 'log_test', head: 0 });
  const trusted = (trust: Partial<EvidenceTrust>): EvidenceTrust => ({
    keys: keyed.publicKeys,
    elsewhere: [],
    ...trust,
  });
  return {
    db,
    store,
    ledger,
    gateway,
    signer,
    log: async (...events) => {
      await store.append(events);
      await store.seal(10_000);
    },
    sign: async () => {
      const signed = await signer.sign(gateway);
      await store.seal(10_000);
      return signed;
    },
    replace: (evidence) => replace(db, evidence),
    verify: (trust = {}) => verifyLedger(ledger, trusted(trust), { ...proof(), passkeys: passkeyProof() }),
    exported: async () => {
      let text = '';
      for await (const part of exportLog(ledger, clock.now(), keyed.publicKeys)) text += part;
      return text.trimEnd().split('\n');
    },
    close,
  };
}

export function event(what: string, more: Partial<NewEvent> = {}): NewEvent {
  const nothing = { approval: null, server: null, tool: null, grant: null };
  return { ...nothing, type: 'call.allowed', at: new Date(), actor: 'holdfast', data: { what }, ...more };
}

/** Verifies an export's lines as it would a file. */
export async function verifyLines(lines: readonly string[], trust: EvidenceTrust): Promise<EvidenceFinding> {
  async function* all(): AsyncGenerator<string> {
    yield* lines;
  }
  return verifyExport(all(), trust, { ...proof(), passkeys: passkeyProof() });
}

async function replace(db: Kysely<Tables>, { events, checkpoints }: StoredLog): Promise<void> {
  await sql`truncate holdfast.events, holdfast.checkpoints`.execute(db);
  const rows = events.map(({ seq, hash, text }) => {
    const said = JSON.parse(text) as { type: string; at: string; actor: string };
    return { type: said.type, at: new Date(said.at), actor: said.actor, body: text, seq: String(seq), hash };
  });
  if (rows.length > 0) await db.insertInto('holdfast.events').values(rows).execute();
  const signed = checkpoints.map(({ seq, text, signature }) => {
    return { seq: String(seq), hash: '', at: new Date(), body: text, signature };
  });
  if (signed.length > 0) await db.insertInto('holdfast.checkpoints').values(signed).execute();
}

async function served() {
  const server = await startPostgres();
  const { db, close } = await openPostgres({ url: preparedUrl(server), log: quiet });
  return {
    db,
    close: async (): Promise<void> => {
      await close();
      await server.stop();
    },
  };
}
