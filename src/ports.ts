/**
 * What the gateway needs from the outside: one file per port below `ports/`. Adapters implement the ports, `main/`
 * constructs the adapters, and nothing else knows which adapter is behind a port.
 */

export type * from './ports/agent-tokens.ts';
export type * from './ports/allowances.ts';
export type * from './ports/api-tokens.ts';
export type * from './ports/approvals.ts';
export type * from './ports/asked.ts';
export type * from './ports/callers.ts';
export type * from './ports/card-store.ts';
export type * from './ports/cards.ts';
export type * from './ports/change.ts';
export type * from './ports/cuts.ts';
export type * from './ports/erasures.ts';
export type * from './ports/events.ts';
export type * from './ports/freezes.ts';
export type * from './ports/frozen-calls.ts';
export type * from './ports/ledger.ts';
export type * from './ports/leftovers.ts';
export type * from './ports/limits.ts';
export type * from './ports/logins.ts';
export type * from './ports/memories.ts';
export type * from './ports/opening.ts';
export * from './ports/outside.ts';
export type * from './ports/oversight.ts';
export type * from './ports/parts.ts';
export type * from './ports/passkeys.ts';
export type * from './ports/pending.ts';
export type * from './ports/person-keys.ts';
export type * from './ports/preview.ts';
export type * from './ports/provider.ts';
export type * from './ports/queue.ts';
export type * from './ports/records.ts';
export type * from './ports/removals.ts';
export type * from './ports/samples.ts';
export type * from './ports/seals.ts';
export type * from './ports/sessions.ts';
export type * from './ports/sink.ts';
export type * from './ports/snoozes.ts';
export type * from './ports/store.ts';
export type * from './ports/tasks.ts';
export type * from './ports/tracing.ts';
export type * from './ports/trust.ts';
export type * from './ports/upstream.ts';
export type * from './ports/vault.ts';
export type * from './ports/witness.ts';
