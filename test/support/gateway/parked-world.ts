/** The use cases over a real store in this process: several replicas, a queue that only wakes, a clock to move. */
import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { ownConditions } from '../../../src/config/own-conditions.ts';
import { type CurrentApprovers, STRANGERS } from '../../../src/domain/approval/current.ts';
import { ALL_EXACT } from '../../../src/domain/call/inexact.ts';
import type { Policy } from '../../../src/domain/policy/policy.ts';
import type { Arrival } from '../../../src/gateway/call/arrival.ts';
import { handleCall } from '../../../src/gateway/call/handle-call.ts';
import { takeTurn } from '../../../src/gateway/dispatch/take-turn.ts';
import type { Turn } from '../../../src/gateway/dispatch/turn.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { bindGateway } from '../../../src/gateway/start.ts';
import type { Seat } from '../../../src/gateway/state/seat.ts';
import type { Cards, Queue, Store } from '../../../src/ports.ts';
import { sqlAllowances, sqlDenials } from '../../../src/sql/allowances.ts';
import { sqlErasures } from '../../../src/sql/erasures.ts';
import { sqlFreezes } from '../../../src/sql/freezes.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { sqlMemories } from '../../../src/sql/memories.ts';
import { sqlOversight } from '../../../src/sql/oversight.ts';
import { sqlSamples } from '../../../src/sql/samples.ts';
import { sqlSnoozes } from '../../../src/sql/snoozes.ts';
import { sqlStore } from '../../../src/sql/store.ts';
import { SealedTables } from '../../../src/sql/table/sealed-tables.ts';
import type { Tables } from '../../../src/sql/table/tables.ts';
import { sqlTasks } from '../../../src/sql/tasks.ts';
import { vault } from '../../../src/vault/vault.ts';
import { TestClock } from '../clock.ts';
import { currentOf, REQUIREMENT } from '../domain/approval.ts';
import { callOf, policyOf } from '../domain/policy.ts';
import { ROOM } from '../domain/room.ts';
import { quiet } from '../log.ts';
import { openPrepared } from '../store/open-prepared.ts';
import { TEST_SEALS } from '../store/seals.ts';

export interface ParkedWorld {
  readonly store: Store;
  readonly db: Kysely<Tables>;
  readonly clock: TestClock;
  /** The policy from now on. */
  policy: Policy;
  revoked: boolean;
  /** What today's configuration says otherwise of the approvers than when an approval opened. */
  current: Partial<CurrentApprovers>;
  /** Adds a replica, whose waiting room is open. `store`: what its store does instead. */
  replica(name: string, more?: { store?: Partial<Store>; secrets?: [string, ...string[]]; cards?: Cards }): Gateway;
  /** Ids of the approvals whose card was ordered, in order. */
  readonly ordered: string[];
  close(): Promise<void>;
}

export async function parkedWorld(policy: Policy = ASKING): Promise<ParkedWorld> {
  const { db, close } = await openPrepared();
  const store = sqlStore({ db, close }, TEST_SEALS);
  const clock = new TestClock();
  const gateways: Gateway[] = [];
  const ordered: string[] = [];
  const world: ParkedWorld = {
    store,
    db,
    clock,
    policy,
    revoked: false,
    current: {},
    ordered,
    replica: (name, more = {}) => {
      const gateway = bindGateway(
        {
          store: { ...store, ...more.store },
          tasks: sqlTasks({ db }, TEST_SEALS),
          freezes: sqlFreezes(db, TEST_SEALS),
          allowances: sqlAllowances(db, TEST_SEALS),
          denials: sqlDenials(db, TEST_SEALS),
          memories: sqlMemories(db, new SealedTables(TEST_SEALS, null)),
          snoozes: sqlSnoozes(db, new SealedTables(TEST_SEALS, null)),
          oversight: sqlOversight(db, TEST_SEALS, new SealedTables(TEST_SEALS, null)),
          samples: sqlSamples(db),
          erasures: sqlErasures(db, TEST_SEALS),
          ledger: sqlLedger(db, TEST_SEALS),
          queue: queueOf(gateways, ordered),
          cards: more.cards ?? null,
          vault: vault(more.secrets ?? ['s'.repeat(40)]),
          clock,
          log: quiet,
          replica: name,
        },
        {
          policy: () => world.policy,
          wanted: () => [],
          wantedAt: () => [],
          upstream: (server) => `upstream of ${server}`,
          alike: (server) => [server],
          approvers: (approval) => currentOf({ ...OWNED, ...approval }, world.current),
          requirement: (ask) => ({ ...REQUIREMENT, admin: true, quorum: ask.quorum }),
          principal: () => (world.revoked ? null : callOf('create_api_key').principal),
          approval: {
            timeoutMs: 30 * 60_000,
            pickupMs: 60 * 60_000,
            graceMs: 120_000,
            maxBytes: 1 << 21,
            ...ROOM,
            maxPending: 20,
          },
          token: (grant) => tokenOf(grant),
          persons: () => STRANGERS,
          isOperator: (person) => person === 'admin',
          knows: () => true,
          look: () => null,
          conditions: ownConditions,
          refresh: async () => undefined,
        },
      );
      gateway.waitingRoom.start();
      // PGlite answers in order: this comes before anything that the replica asks.
      void store.beat(name);
      gateways.push(gateway);
      return gateway;
    },
    close: async () => {
      for (const gateway of gateways) {
        gateway.waitingRoom.stop();
        gateway.leases.stop();
        await gateway.journal.close();
      }
      await store.close();
    },
  };
  return world;
}

/** Of the grant that calls. */
const OWNED = { owner: 'U0SAM', selfApproval: false };

/** SHA-256 of a grant's token. */
export const tokenOf = (grant: string): string => createHash('sha256').update(grant).digest('hex');

export const ASKING = policyOf({ tools: { create_api_key: { action: 'require_approval' } } });

function queueOf(gateways: readonly Gateway[], ordered: string[]): Queue {
  const nothing = async (): Promise<void> => undefined;
  return {
    start: nothing,
    ping: nothing,
    health: async () => ({ trouble: null, lanes: [] }),
    close: nothing,
    park: nothing,
    missing: async () => [],
    wake: async (id) => {
      for (const { waitingRoom } of gateways) waitingRoom.wake(id);
    },
    unpark: nothing,
    onWake: () => undefined,
    publish: async (id) => void ordered.push(id),
    deliver: nothing,
  };
}

export interface ParkedCall {
  readonly seat: Seat;
  /** Waits at most `ms` for its turn. */
  turn(ms?: number, signal?: AbortSignal): Promise<Turn>;
}

let requests = 0;

/** Makes one caller's call. Throws when it is not held. */
export async function park(
  gateway: Gateway,
  args: Record<string, string> = { name: 'ci' },
  from: { session?: string | null; requestId?: string; server?: string } = {},
): Promise<ParkedCall> {
  const handled = await handleCall(gateway, arrivalOf(gateway, args, from));
  if (handled.kind !== 'held') throw new Error(`not held but ${JSON.stringify(handled)}`);
  const { seat } = handled;
  const recall = () => callOf('create_api_key', args);
  return {
    seat,
    turn: (ms = 5_000, signal) => {
      const until = new Date(gateway.clock.now().getTime() + ms);
      return takeTurn(gateway, seat, recall, until, signal);
    },
  };
}

export function arrivalOf(
  { rules }: Pick<Gateway, 'rules'>,
  args: Record<string, string>,
  from: { session?: string | null; requestId?: string; server?: string } = {},
): Arrival {
  requests += 1;
  const { session = 'session-1', server = 'prometheus' } = from;
  const call = { ...callOf('create_api_key', args), session, server };
  const bytes = new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: requests, params: call.params }));
  return {
    call,
    policy: rules.policy(server),
    bytes,
    requestId: from.requestId ?? `${requests}`,
    inexact: ALL_EXACT,
    freeze: () => bytes,
    gatedFault: () => null,
    statedReason: null,
  };
}

export const ADMIN = { id: 'admin', via: 'api', userGroups: [] } as const;
export const APPROVE = { choice: 'approve', reason: null, fingerprint: null } as const;
export const DENY = { choice: 'deny', reason: 'no', fingerprint: null } as const;
export const TERMS = { pickupMs: 60 * 60_000 };
