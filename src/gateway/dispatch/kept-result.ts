import type { Approval } from '../../domain/approval/approval.ts';
import type { Gateway } from '../gateway.ts';

/** The server's answer, a JSON-RPC response; null: it is no longer kept, or never was. */
export async function keptResult(
  { store, vault }: Pick<Gateway, 'store' | 'vault'>,
  { id }: Pick<Approval, 'id'>,
): Promise<Uint8Array | null> {
  const sealed = await store.result(id);
  return sealed === null ? null : vault.open('result', id, sealed);
}

/**
 * Remembers that an agent gets now what a call brought before. It may be any session of its grant, so it counts as a call
 * without one.
 */
export async function rememberHandedOut(
  { callMemory }: Pick<Gateway, 'callMemory'>,
  { id, grant, server, tool, answersTo }: Pick<Approval, 'answersTo' | 'grant' | 'id' | 'server' | 'tool'>,
): Promise<void> {
  if (answersTo === null) await callMemory.came({ grant, server, tool, session: null }, id);
}
