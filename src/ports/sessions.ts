import type { OpeningRate } from '../domain/approval/openings.ts';
import type { FullLimit } from '../domain/policy/limit.ts';

/** MCP sessions, and the grants that they belong to. */
export interface SessionStore {
  /** Binds an MCP session to the grant that opened it. `id`: a keyed digest of the session id. */
  bindSession(id: string, server: string, grant: string): Promise<void>;
  /**
   * Counts that the grant is about to open a session; `id` names it. Returns null, or the full limit: then nothing
   * counts.
   */
  countSession(id: string, grant: string, rate: OpeningRate): Promise<FullLimit | null>;
  /** It opened no session after all. */
  uncountSession(id: string): Promise<void>;
  sessionGrant(id: string, server: string): Promise<string | null>;
  unbindSession(id: string, server: string): Promise<void>;
}
