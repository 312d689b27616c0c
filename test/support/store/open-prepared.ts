import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Embedded, openPglite } from '../../../src/sql/connection/pglite.ts';
import { copyPrepared } from './prepared.ts';

/** An embedded database of its own, migrated and empty. Its directory goes when it is closed. */
export async function openPrepared(): Promise<Embedded> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
  copyPrepared(folder);
  const embedded = await openPglite(folder);
  const close = async (): Promise<void> => {
    await embedded.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...embedded, close };
}
