import type { Vault } from '../../ports.ts';

/** Tells our event ids from those that upstreams choose. */
const PREFIX = 'holdfast-';

/** Which held answer a stream carries, so that it can be resumed after its connection broke. */
export interface ResumePoint {
  readonly approval: string;
  readonly joiner: string;
  /** The JSON-RPC id of the request to be answered, as JSON text. */
  readonly idText: string;
}

/** The event id of a held answer (2025-11-25, Resumability), encrypted and bound to the grant and the server. */
export function sealEventId(vault: Pick<Vault, 'seal'>, grant: string, server: string, point: ResumePoint): string {
  const bytes = new TextEncoder().encode(JSON.stringify([point.approval, point.joiner, point.idText]));
  return PREFIX + Buffer.from(vault.seal('state', rowOf(grant, server), bytes)).toString('base64url');
}

/** Whether this gateway issued the event id, by its prefix; an upstream may still have chosen the same. */
export function isOurEventId(id: string): boolean {
  return id.startsWith(PREFIX);
}

/** Null: the id was altered, or belongs to another grant or server. */
export function openEventId(vault: Pick<Vault, 'open'>, grant: string, server: string, id: string): ResumePoint | null {
  try {
    const sealed = Buffer.from(id.slice(PREFIX.length), 'base64url');
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
