import { type Kysely, type RawBuilder, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import { ADMIT_CHAINED_MIGRATION, ADMIT_MIGRATION } from '../admit-migration.ts';
import { APPEND_MIGRATION } from '../append-migration.ts';
import { PHRASES_MIGRATION } from '../phrases-migration.ts';
import { PORTION_MIGRATION } from '../portion-migration.ts';
import type { Tables } from '../table/tables.ts';
import { PURSUITS_MIGRATION, TASK_FETCHED_MIGRATION, TASKS_MIGRATION } from '../tasks-migration.ts';
import { BOUNDED_WORDS_MIGRATION, FEWER_WORDS_MIGRATION, WORDS_COST_MIGRATION, WORDS_MIGRATION } from '../words.ts';

/** Only ever add: old replicas run beside new ones during a rolling restart. */
const MIGRATIONS: Record<string, string | readonly string[]> = {
  '0001-foundation': `
    create table holdfast.approvals (
      id text primary key,
      state text not null,
      revision integer not null,
      server text not null,
      tool text not null,
      grant_name text not null,
      owner text,
      self_approval boolean not null,
      fingerprint text not null,
      requirement json not null,
      arguments json not null,
      trace json not null,
      stated_reason text,
      previous_unknown text,
      policy_digest text not null,
      request bytea,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      pickup_until timestamptz,
      lease_until timestamptz,
      dispatcher text,
      note text,
      result bytea,
      result_until timestamptz,
      shown integer not null default 0,
      updated_at timestamptz not null
    );
    -- P2: whatever two openers do at once, one live approval a fingerprint.
    create unique index approvals_live on holdfast.approvals (fingerprint)
      where state in ('pending', 'approved', 'dispatched');
    create index approvals_fingerprint on holdfast.approvals (fingerprint, created_at desc);
    create index approvals_grant_pending on holdfast.approvals (grant_name) where state = 'pending';
    create index approvals_open on holdfast.approvals (state, id) where state in ('pending', 'approved', 'dispatched');
    create index approvals_stale on holdfast.approvals (id) where shown < revision;
    create index approvals_kept on holdfast.approvals (result_until) where result is not null;
    create index approvals_state_newest on holdfast.approvals (state, id desc);

    create table holdfast.joiners (
      id text primary key,
      approval_id text not null references holdfast.approvals (id) on delete cascade,
      session text,
      request_id text not null,
      replica text,
      joined_at timestamptz not null,
      collected_at timestamptz,
      left_at timestamptz
    );
    create index joiners_open on holdfast.joiners (approval_id) where collected_at is null and left_at is null;
    create index joiners_session on holdfast.joiners (session, request_id)
      where collected_at is null and left_at is null and session is not null;

    create table holdfast.decisions (
      approval_id text not null references holdfast.approvals (id) on delete cascade,
      approver text not null,
      choice text not null,
      reason text,
      via text not null,
      self boolean not null,
      user_group text,
      at timestamptz not null,
      primary key (approval_id, approver)
    );

    create table holdfast.events (
      n bigint generated always as identity primary key,
      body text not null,
      type text not null,
      at timestamptz not null,
      approval_id text,
      server text,
      tool text,
      grant_name text,
      actor text not null,
      seq bigint unique,
      hash text
    );
    create index events_unsealed on holdfast.events (n) where seq is null;
    create index events_approval on holdfast.events (approval_id, n) where approval_id is not null;

    create table holdfast.checkpoints (
      seq bigint primary key,
      hash text not null,
      at timestamptz not null,
      body text not null,
      signature text not null
    );

    create table holdfast.counters (
      key text not null,
      window_start timestamptz not null,
      window_end timestamptz not null,
      used numeric not null,
      primary key (key, window_start)
    );
    create index counters_end on holdfast.counters (window_end);

    create table holdfast.cards (
      approval_id text primary key references holdfast.approvals (id) on delete cascade,
      channel text not null,
      ts text,
      revision integer not null,
      digest text not null,
      posted_at timestamptz
    );

    create table holdfast.sessions (
      id text not null,
      server text not null,
      grant_name text not null,
      opened_at timestamptz not null,
      primary key (id, server)
    );

    create table holdfast.replicas (
      id text primary key,
      seen_at timestamptz not null
    );
  `,
  '0002-console': `
    create table holdfast.logins (
      id text primary key,
      reviewer text not null,
      credential text not null,
      at timestamptz not null,
      seen_at timestamptz not null,
      ends_at timestamptz not null
    );
    create index logins_end on holdfast.logins (ends_at);

    -- By the token's digest: another token under the same name is another grant's right.
    create table holdfast.revocations (
      token_sha256 text primary key,
      grant_name text not null,
      at timestamptz not null,
      actor text not null,
      reason text
    );

    create index approvals_created on holdfast.approvals (created_at);
    create index decisions_at on holdfast.decisions (at);
  `,
  '0003-audit': `
    create table holdfast.sinks (
      name text primary key,
      seq bigint not null,
      failures integer not null default 0,
      updated_at timestamptz not null
    );
    -- What reviewers search by. Newest first, paged by n.
    create index events_at on holdfast.events (at, n);
    create index events_type on holdfast.events (type, n);
    create index events_tool on holdfast.events (server, tool, n);
    create index events_grant on holdfast.events (grant_name, n);
    create index events_actor on holdfast.events (actor, n);
    create index events_words on holdfast.events using gin (to_tsvector('simple', left(body, 200000)));
  `,
  '0004-card-runs': `
    alter table holdfast.cards add column run text, add column run_by text, add column run_until timestamptz;
  `,
  '0005-tasks': TASKS_MIGRATION,
  '0006-reminders': `
    alter table holdfast.approvals add column reminded_at timestamptz, add column escalated_at timestamptz;
    create table holdfast.notices (
      notice text primary key,
      until timestamptz not null
    );
  `,
  '0007-admit': ADMIT_MIGRATION,
  '0008-words': WORDS_MIGRATION,
  '0009-task-fetched': TASK_FETCHED_MIGRATION,
  '0010-words-cost': WORDS_COST_MIGRATION,
  '0011-card-contents': `
    -- What each card showed, as long as its approval is kept.
    create table holdfast.card_contents (
      digest text primary key,
      approval_id text not null references holdfast.approvals (id) on delete cascade,
      content text not null,
      kept_at timestamptz not null
    );
    create index card_contents_approval on holdfast.card_contents (approval_id);
  `,
  '0012-pursuits': PURSUITS_MIGRATION,
  '0013-fewer-words': FEWER_WORDS_MIGRATION,
  '0014-append': APPEND_MIGRATION,
  '0015-admit-chained': ADMIT_CHAINED_MIGRATION,
  '0016-phrases': PHRASES_MIGRATION,
  '0017-bounded-words': BOUNDED_WORDS_MIGRATION,
  '0018-portions': PORTION_MIGRATION,
};

/** Names of the migrations of this release, oldest first. */
export const MIGRATION_NAMES: readonly string[] = Object.keys(MIGRATIONS);

/**
 * Brings the schema up to date. Replicas that start at once wait for each other. What a newer release has added stays
 * and is left alone: a replica of the release before must be able to start beside it, and so must a roll-back. Throws
 * what the database said.
 */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  await sql`create schema if not exists holdfast`.execute(db).catch(async (error: unknown) => {
    // Two replicas that look at once both find none, and one of them loses; then it is there.
    if (!(await exists(db, sql`to_regnamespace('holdfast')`))) throw error;
  });
  const provider = providerOf(await namesIn(db));
  const { error } = await new Migrator({ db, provider, migrationTableSchema: 'holdfast' }).migrateToLatest();
  if (error) throw error;
}

/** Where the table of migrations is not there: no such table, no such schema. */
const NOTHING_YET = new Set(['42P01', '3F000']);

/** One look, for the many starts that find nothing to do: whether the database has had every migration of this release. */
export async function isMigrated(db: Kysely<Tables>): Promise<boolean> {
  try {
    const found = await sql<{ name: string }>`select name from holdfast.kysely_migration`.execute(db);
    const had = new Set(found.rows.map(({ name }) => name));
    return Object.keys(MIGRATIONS).every((name) => had.has(name));
  } catch (error) {
    if (NOTHING_YET.has((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}

/** Migrations that the database has had. Changes nothing; empty where there is no schema yet. */
export async function namesIn(db: Kysely<Tables>): Promise<string[]> {
  if (!(await exists(db, sql`to_regclass('holdfast.kysely_migration')`))) return [];
  const found = await sql<{ name: string }>`select name from holdfast.kysely_migration order by name`.execute(db);
  return found.rows.map(({ name }) => name);
}

async function exists(db: Kysely<Tables>, thing: RawBuilder<unknown>): Promise<boolean> {
  const found = await sql<{ there: boolean }>`select ${thing} is not null as there`.execute(db);
  return found.rows[0]?.there === true;
}

/** `had`: what the database knows of; what is not ours there has no steps here. */
function providerOf(had: readonly string[]): MigrationProvider {
  const found: Record<string, Migration> = {};
  for (const name of had) found[name] = { up: async () => undefined };
  for (const [name, text] of Object.entries(MIGRATIONS)) {
    found[name] = {
      async up(db) {
        for (const statement of typeof text === 'string' ? statements(text) : text)
          await sql.raw(statement).execute(db);
      },
    };
  }
  return { getMigrations: async () => found };
}

/** One statement a query: a prepared statement can hold no more. */
function statements(text: string): string[] {
  return text
    .replaceAll(/--.*$/gm, '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
