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
