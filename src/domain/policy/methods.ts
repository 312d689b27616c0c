/** MCP's revisions, oldest first. 2024-11-05 has the methods of 2025-03-26. */
export const REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof REVISIONS)[number];

/** One method that an agent may send, as the specification defines it. */
export interface KnownMethod {
  readonly revisions: readonly Revision[];
  /** Without it no session can live, so no policy denies it. */
  readonly needed?: true;
  /** Clients send it all the time and it makes the server do nothing, so the log counts it by the minute. */
  readonly noise?: true;
  /**
   * It makes the server do nothing but tell or end something, and a session needs it to live, or to learn how what was
   * sent before goes on: it is relayed while everything else is frozen.
   */
  readonly whileFrozen?: true;
  /** The page of the specification. */
  readonly source: string;
}

const ALL: readonly Revision[] = REVISIONS;
const SESSIONS: readonly Revision[] = ['2025-03-26', '2025-06-18', '2025-11-25'];
const TASKS: readonly Revision[] = ['2025-11-25'];
const STATELESS: readonly Revision[] = ['2026-07-28'];

/**
 * Every method and notification that an agent sends in some revision. They are relayed unless a policy denies them,
 * whatever revision the request claims: a server does not answer what it does not know. Anything else is a method that
 * nobody knows, and the policy's `default` decides.
 */
export const METHODS: ReadonlyMap<string, KnownMethod> = new Map<string, KnownMethod>([
  ['initialize', { revisions: SESSIONS, whileFrozen: true, needed: true, source: 'Lifecycle' }],
  ['server/discover', { revisions: STATELESS, whileFrozen: true, needed: true, source: 'Discovery' }],
  ['ping', { revisions: SESSIONS, whileFrozen: true, needed: true, noise: true, source: 'Ping' }],
  ['tools/list', { revisions: ALL, whileFrozen: true, source: 'Tools' }],
  ['tools/call', { revisions: ALL, source: 'Tools' }],
  ['resources/list', { revisions: ALL, whileFrozen: true, source: 'Resources' }],
  ['resources/templates/list', { revisions: ALL, whileFrozen: true, source: 'Resources' }],
  ['resources/read', { revisions: ALL, source: 'Resources' }],
  ['resources/subscribe', { revisions: SESSIONS, source: 'Resources, Subscriptions' }],
  ['resources/unsubscribe', { revisions: SESSIONS, whileFrozen: true, source: 'Resources, Subscriptions' }],
  ['prompts/list', { revisions: ALL, whileFrozen: true, source: 'Prompts' }],
  ['prompts/get', { revisions: ALL, source: 'Prompts' }],
  ['completion/complete', { revisions: ALL, source: 'Completion' }],
  ['logging/setLevel', { revisions: SESSIONS, source: 'Logging' }],
  ['subscriptions/listen', { revisions: STATELESS, whileFrozen: true, source: 'Subscriptions' }],
  [
    'tasks/get',
    {
      revisions: [...TASKS, ...STATELESS],
      whileFrozen: true,
      source: 'Tasks; the extension io.modelcontextprotocol/tasks',
    },
  ],
  [
    'tasks/cancel',
    {
      revisions: [...TASKS, ...STATELESS],
      whileFrozen: true,
      source: 'Tasks; the extension io.modelcontextprotocol/tasks',
    },
  ],
  ['tasks/result', { revisions: TASKS, whileFrozen: true, source: 'Tasks' }],
  ['tasks/list', { revisions: TASKS, whileFrozen: true, source: 'Tasks' }],
  ['tasks/update', { revisions: STATELESS, source: 'the extension io.modelcontextprotocol/tasks' }],
  [
    'notifications/initialized',
    { revisions: SESSIONS, whileFrozen: true, needed: true, noise: true, source: 'Lifecycle' },
  ],
  ['notifications/cancelled', { revisions: ALL, whileFrozen: true, needed: true, noise: true, source: 'Cancellation' }],
  ['notifications/progress', { revisions: ALL, noise: true, source: 'Progress' }],
  ['notifications/roots/list_changed', { revisions: SESSIONS, noise: true, source: 'Roots' }],
  ['notifications/tasks/status', { revisions: TASKS, noise: true, source: 'Tasks' }],
]);

/** Whether a policy cannot deny this method. */
export function isNeeded(method: string): boolean {
  return METHODS.get(method)?.needed === true;
}

/** Whether a method passes while its server, its grant or everything is frozen. */
export function passesFreeze(method: string): boolean {
  return METHODS.get(method)?.whileFrozen === true;
}
