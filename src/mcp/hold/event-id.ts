import type { Vault } from '../../ports.ts';

/** Upstreams choose their own event ids; ours begin so. */
const OURS = 'holdfast-';

/** Where a held stream goes on after its connection broke. */
export interface StreamPlace {
  readonly approval: string;
  readonly joiner: string;
  /** The JSON-RPC id that is to be answered, as JSON text. */
  readonly idText: string;
}

/** The event id of a held answer (2025-11-25, Resumability): sealed, and bound to the grant and the server. */
export function sealEventId(vault: Pick<Vault, 'seal'>, grant: string, server: string, place: StreamPlace): string {
  const bytes = new TextEncoder().encode(JSON.stringify([place.approval, place.joiner, place.idText]));
  return OURS + Buffer.from(vault.seal('state', rowOf(grant, server), bytes)).toString('base64url');
}

export function isOurEventId(id: string): boolean {
  return id.startsWith(OURS);
}

/** null: changed, or another grant's or server's. */
export function openEventId(vault: Pick<Vault, 'open'>, grant: string, server: string, id: string): StreamPlace | null {
  try {
    const sealed = Buffer.from(id.slice(OURS.length), 'base64url');
    const opened = new TextDecoder().decode(vault.open('state', rowOf(grant, server), sealed));
    const [approval, joiner, idText] = JSON.parse(opened) as [string, string, string];
    return { approval, joiner, idText };
  } catch {
    return null;
  }
}

function rowOf(grant: string, server: string): string {
  return JSON.stringify(['event', grant, server]);
}
