/**
 * What the gateway needs of the outside. Five ports and the vault; adapters implement them, `main/` constructs them,
 * nothing else knows which one is behind.
 */
export type * from './ports/cards.ts';
export type * from './ports/ledger.ts';
export type * from './ports/logins.ts';
export * from './ports/outside.ts';
export type * from './ports/queue.ts';
export type * from './ports/records.ts';
export type * from './ports/sink.ts';
export type * from './ports/store.ts';
export type * from './ports/tasks.ts';
export type * from './ports/upstream.ts';
export type * from './ports/vault.ts';
