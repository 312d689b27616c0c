import { type Approval, type ApprovalGlance, endedUnsent } from '../../domain/approval/approval.ts';
import { FORGED_WORDS, isForged } from '../../domain/approval/forged.ts';
import { approvalEvent, type LoggedEvent, type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Clock, ForeignEvent, Log, Queue, Store } from '../../ports.ts';
import type { AlarmEvents } from './alarm-events.ts';
import type { Alarms } from './alarms.ts';
import type { StoreWatch } from './store-watch.ts';

export interface WatchParts {
  readonly store: Store;
  readonly queue: Pick<Queue, 'publish'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly alarms: Alarms;
  readonly alarmEvents: AlarmEvents;
  readonly watch: Pick<StoreWatch, 'acceptedEvents' | 'older' | 'wasSent'>;
}

/** Told of each event that is read and was not written by a gateway as it is. */
export function watchedEvents<T extends LoggedEvent>(parts: ForeignParts, events: readonly T[]): readonly T[] {
  for (const { n, doubt } of events) {
    if (doubt !== undefined && doubt !== 'secret' && doubt !== 'key') tellForeign(parts, { n, field: doubt });
  }
  return events;
}

/**
 * The same store, which looks at the seal of every approval that is read, whoever reads it: the first time that one does
 * not fit, an alarm stands, an event `seal.broken` names row and field, and its card is written again.
 */
export function watchedStore(parts: WatchParts): Store {
  const { store, watch } = parts;
  const one = <T extends ApprovalGlance | null>(read: T): T => {
    if (read === null) return read;
    if (isForged(read)) tellBroken(parts, read);
    // All of its seals fit, and its call was sent since.
    return read.broken === null && watch.older.has(read.id) && mayBeOlder(watch, read)
      ? { ...read, broken: 'older' }
      : read;
  };
  const all = (approvals: readonly Approval[]): readonly Approval[] => approvals.map(one);
  return {
    ...store,
    find: async (id, how) => one(await store.find(id, how)),
    look: async (id, how) => {
      const seen = await store.look(id, how);
      return seen === null ? null : { ...seen, approval: one(seen.approval) };
    },
    list: async (filter) => {
      const page = await store.list(filter);
      return { ...page, items: all(page.items) };
    },
    glance: async (filter) => (await store.glance(filter)).map(one),
    open: async (request, joiner, room, event) => {
      const opened = await store.open(request, joiner, room, event);
      return 'approval' in opened ? { ...opened, approval: one(opened.approval) } : opened;
    },
    commit: async (change) => {
      const committed = await store.commit(change);
      if (committed.kind === 'committed') one(committed.approval);
      if (committed.kind === 'spent') tellPutBack(parts, change.id);
      if (committed.kind === 'altered') tellAltered(parts, change.id);
      return committed;
    },
    commitBoth: async (first, second) => {
      const committed = await store.commitBoth(first, second);
      if (committed.kind === 'committed') one(committed.approval);
      if (committed.kind === 'spent') tellPutBack(parts, first.id);
      if (committed.kind === 'altered') tellAltered(parts, first.id);
      return committed;
    },
    commitTogether: async (changes) => {
      const committed = await store.commitTogether(changes);
      if (committed.kind === 'committed') committed.approvals.forEach(one);
      else if (committed.why === 'spent') tellPutBack(parts, committed.id);
      else if (committed.why === 'altered') tellAltered(parts, committed.id);
      return committed;
    },
    changed: async (held) => all(await store.changed(held)),
    leave: async (by, event) => one(await store.leave(by, event)),
    cancel: async (by, gaveUp, event) => {
      const cancelled = await store.cancel(by, gaveUp, event);
      if ('approval' in cancelled) one(cancelled.approval);
      return cancelled;
    },
    leaveForsaken: async (ms, limit, event) => all(await store.leaveForsaken(ms, limit, event)),
    leaveSession: async (by, event) => all(await store.leaveSession(by, event)),
    overdue: async (now, limit) => {
      const work = await store.overdue(now, limit);
      const { late, abandoned, revoked, moot, orphaned } = work;
      const rest = { moot: all(moot), orphaned: all(orphaned) };
      return { ...work, late: all(late), abandoned: all(abandoned), revoked: all(revoked), ...rest };
    },
    events: async (filter) => watchedEvents(parts, await store.events(filter)),
    unreminded: async (now, limit) => all(await store.unreminded(now, limit)),
    seal: async (limit) => {
      const run = await store.seal(limit);
      for (const event of run.foreign) if (event.field !== 'missing') tellForeign(parts, event);
      tellMissing(
        parts,
        run.foreign.filter(({ field }) => field === 'missing').map(({ n }) => n),
      );
      for (const n of run.retired) tellRetired(parts, { table: 'events', row: n, field: 'secret' }, null);
      return run;
    },
  };
}

/**
 * It could still be sent, or says that it was not: in the seconds before the alarm somebody may have denied, or time may have
 * ended, what had been sent.
 */
function mayBeOlder(watch: Pick<StoreWatch, 'wasSent'>, read: Pick<Approval, 'awaits' | 'id' | 'state'>): boolean {
  return isOpen(read) || (endedUnsent(read.state) && watch.wasSent(read.id));
}

/** It could still be sent. */
function isOpen({ state, awaits }: Pick<Approval, 'awaits' | 'state'>): boolean {
  return state === 'pending' || state === 'approved' || (state === 'dispatched' && awaits === 'input');
}

function tellBroken(parts: WatchParts, approval: ApprovalGlance): void {
  const { id, broken } = approval;
  const field = broken ?? 'state';
  const data = { table: 'approvals', row: id, field, state: approval.state };
  if (field === 'secret') {
    tellRetired(parts, data, approval);
    return;
  }
  if (!raise(parts, `${id} ${field}`, `approval ${id} ${FORGED_WORDS[field]}`)) return;
  const at = parts.clock.now();
  parts.alarmEvents.tell(approvalEvent(approval, { type: 'seal.broken', at, actor: 'holdfast', data }));
  parts.queue.publish(id, { turn: 1 }).catch(() => undefined);
}

/** Rows of retired secrets that this process has told of. */
const told = new WeakMap<Alarms, Set<string>>();

/**
 * A live approval, or an event that is not chained yet, of a secret that is listed no longer. Nothing of it runs and it is
 * not chained, but it is no sign of a forger: whoever took the secret out was too early, and can list it again.
 */
function tellRetired(
  parts: WatchParts,
  data: NewEvent['data'] & { readonly row: string | number },
  of: ApprovalGlance | null,
): void {
  const known = told.get(parts.alarms) ?? new Set();
  told.set(parts.alarms, known);
  const notice = `secret ${data.row}`;
  if (known.has(notice) || known.size >= MOST_RETIRED) return;
  known.add(notice);
  parts.log.error(
    { ...data },
    'this was sealed by a secret that HOLDFAST_SECRET no longer lists, so it is not used; list that secret again until nothing is left of it',
  );
  const at = parts.clock.now();
  parts.alarmEvents.tell(
    of === null
      ? event(parts, null, data)
      : approvalEvent(of, { type: 'seal.broken', at, actor: 'holdfast', data: { ...data } }),
    false,
  );
  if (of !== null) parts.queue.publish(of.id, { turn: 1 }).catch(() => undefined);
}

/** Rows of retired secrets of which each is told. */
const MOST_RETIRED = 1_000;

/** A row that was put back to a state from before its pass was spent. */
function tellPutBack(parts: WatchParts, id: string): void {
  if (!raise(parts, `${id} state`, `approval ${id} was put back to a state from before it ran or ended`)) return;
  const data = { table: 'approvals', row: id, field: 'state', why: 'put back' };
  parts.alarmEvents.tell(event(parts, id, data));
}

/** A row that came back otherwise than it was written: a trigger, or somebody who is very quick. */
function tellAltered(parts: WatchParts, id: string): void {
  if (!raise(parts, `${id} altered`, `approval ${id} was changed by something else while the gateway wrote it`)) return;
  const data = { table: 'approvals', row: id, field: 'state', why: 'altered while it was written' };
  parts.alarmEvents.tell(event(parts, id, data));
}

/** What is wrong with an event, after its number, for operators. */
export const FOREIGN_WORDS: Readonly<Record<ForeignEvent['field'], string>> = {
  body: 'was not written by a gateway',
  columns: 'says something else in its columns, by which it is found, than in its text',
  seal: 'is a copy of another one',
  missing: 'was written by this process, and is gone',
};

/** An event that no gateway wrote as it is. The sealer does not chain it. */
export function tellForeign(parts: ForeignParts, { n, field }: ForeignEvent): void {
  // An operator knows of it.
  if (n <= parts.watch.acceptedEvents) return;
  if (!raise(parts, `event ${n}`, `event ${n} of the log ${FOREIGN_WORDS[field]}`)) return;
  parts.alarmEvents.tell(event(parts, null, { table: 'events', row: n, field }));
}

/** Rows that one event names. */
const MOST_NAMED = 100;

/** Events that this process wrote and that are gone: one alarm for all of them, since a store that went back loses many. */
function tellMissing(parts: ForeignParts, rows: readonly number[]): void {
  // Those from before an operator accepted the log are forgotten. Their numbers say nothing of that: others choose theirs.
  if (rows.length === 0) return;
  raise(parts, 'missing events', `an event that this process wrote is gone (event ${rows[0]} of the log)`);
  const named = { row: rows[0]!, rows: rows.slice(0, MOST_NAMED), count: rows.length };
  parts.alarmEvents.tell(event(parts, null, { table: 'events', field: 'missing', ...named }));
}

/** A task's row that names another approval, server, grant or request than its own: nothing is sent for it. */
export function tellForeignTask(
  parts: Omit<ForeignParts, 'watch'>,
  { id, approval }: { readonly id: string; readonly approval: string },
  field: 'approval_id' | 'grant_name' | 'server' | 'leg_id' | 'request',
): void {
  if (!raise(parts, `task ${id}`, `task ${id} does not belong to the approval ${approval}: its ${field} was changed`))
    return;
  parts.alarmEvents.tell(event(parts, approval, { table: 'tasks', row: id, field }));
}

/** What is needed to tell of an event or a task. */
export type ForeignParts = Pick<WatchParts, 'alarmEvents' | 'alarms' | 'clock' | 'log' | 'watch'>;

function raise(
  { alarms, clock, log }: Pick<WatchParts, 'alarms' | 'clock' | 'log'>,
  about: string,
  why: string,
): boolean {
  const raised = alarms.raise('seal_broken', about, why, clock.now());
  if (raised) log.error({ about }, `${why}; nothing that needs an approval runs until an operator accepts the store`);
  return raised;
}

function event({ clock }: Pick<WatchParts, 'clock'>, approval: string | null, data: NewEvent['data']): NewEvent {
  return { ...NO_SUBJECT, approval, type: 'seal.broken', at: clock.now(), actor: 'holdfast', data };
}
