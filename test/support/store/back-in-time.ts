import { query } from './backing.ts';

/** Copies a database as a backup does, although a gateway is connected to it: its connections are cut. */
export async function snapshot(url: string, name: string): Promise<void> {
  const { server, database } = partsOf(url);
  await withoutConnections(server, database, async () => {
    await query(server, `create database ${name} template ${database}`);
  });
}

/** Puts the copy back in the database's place. */
export async function restore(url: string, name: string): Promise<void> {
  const { server, database } = partsOf(url);
  await withoutConnections(server, database, async () => {
    await query(server, `drop database ${database} with (force)`);
    await query(server, `create database ${database} template ${name}`);
  });
}

async function withoutConnections(server: string, database: string, work: () => Promise<void>): Promise<void> {
  await query(server, `alter database ${database} allow_connections false`);
  await query(
    server,
    `select pg_terminate_backend(pid, 2000) from pg_stat_activity where datname = '${database}' and pid <> pg_backend_pid()`,
  );
  await work();
  await query(server, `alter database ${database} allow_connections true`);
}

function partsOf(url: string): { readonly server: string; readonly database: string } {
  const at = url.lastIndexOf('/');
  return { server: `${url.slice(0, at)}/postgres`, database: url.slice(at + 1) };
}
