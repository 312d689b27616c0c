import type { ApprovalStore } from './approvals.ts';
import type { CallerStore } from './callers.ts';
import type { CardStore } from './card-store.ts';
import type { EventStore } from './events.ts';
import type { LeftoverStore } from './leftovers.ts';
import type { LimitStore } from './limits.ts';
import type { PartStore } from './parts.ts';
import type { RemovalStore } from './removals.ts';
import type { SessionStore } from './sessions.ts';
import type { TrustStore } from './trust.ts';

/** SQL, the authority. Every method is one transaction, and throws `Unavailable('store')` when SQL cannot answer. */
export interface Store
  extends EventStore,
    LimitStore,
    PartStore,
    ApprovalStore,
    CallerStore,
    LeftoverStore,
    RemovalStore,
    CardStore,
    SessionStore,
    TrustStore {
  ping(): Promise<void>;
  close(): Promise<void>;
}
