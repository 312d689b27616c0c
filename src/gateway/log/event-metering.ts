import type { NewEvent } from '../../domain/log/event.ts';
import type {
  Allowances,
  ApiTokens,
  Change,
  Denials,
  Erasures,
  Freezes,
  Logins,
  OpensCounter,
  PersonKeys,
  PersonLogins,
  Revocations,
  Store,
} from '../../ports.ts';
import type { EventMeter } from '../ports.ts';

/** The same store, whose events name the process that wrote them and are counted once they are durable. */
export function meteredStore(store: Store, replica: string, meter: EventMeter): Store {
  const mark = (event: NewEvent): NewEvent => ({ ...event, replica });
  const meterAll = (events: readonly NewEvent[]): void => events.forEach(meter);
  return {
    ...store,
    append: async (events) => {
      await store.append(events.map(mark));
      meterAll(events);
    },
    admit: async (takes, event) => {
      const admission = await store.admit(takes, mark(event));
      if (admission.kind === 'admitted') meter(event);
      return admission;
    },
    refund: async (taken, event) => {
      await store.refund(taken, mark(event));
      meter(event);
    },
    open: async (request, joiner, room, event) => {
      const opened = await store.open(request, joiner, room, mark(event));
      if (opened.kind === 'opened') meter(event);
      if (opened.kind === 'joined') meter({ ...event, type: 'approval.joined' });
      return opened;
    },
    commit: async (change) => {
      const committed = await store.commit(marked(change, mark));
      if (committed.kind === 'committed') meterAll(eventsOf(change));
      return committed;
    },
    commitBoth: async (first, second) => {
      const committed = await store.commitBoth(marked(first, mark), marked(second, mark));
      if (committed.kind === 'committed') meterAll([...eventsOf(first), ...eventsOf(second)]);
      return committed;
    },
    keepFacts: async (id, facts, event) => {
      const kept = await store.keepFacts(id, facts, event === null ? null : mark(event));
      if (kept && event !== null) meter(event);
      return kept;
    },
    commitTogether: async (changes) => {
      const committed = await store.commitTogether(changes.map((change) => marked(change, mark)));
      if (committed.kind === 'committed') meterAll(changes.flatMap(eventsOf));
      return committed;
    },
    refuseCard: async (approval, why, event) => {
      const isNews = await store.refuseCard(approval, why, mark(event));
      if (isNews) meter(event);
      return isNews;
    },
    collected: async (joiner, event, until) => {
      await store.collected(joiner, mark(event), until);
      meter(event);
    },
    leave: (by, event) => store.leave(by, (...left) => mark(event(...left))),
    cancel: (by, gaveUp, event) => store.cancel(by, gaveUp, (...left) => mark(event(...left))),
    leaveForsaken: (ms, limit, event) => store.leaveForsaken(ms, limit, (...left) => mark(event(...left))),
    leaveSession: (by, event) => store.leaveSession(by, (...left) => mark(event(...left))),
    saveCard: async (card, event, content, run) => {
      const revision = await store.saveCard(card, event === null ? null : mark(event), content, run);
      if (event !== null) meter(event);
      return revision;
    },
  };
}

/** The same for what was given in advance. */
export function meteredInAdvance<P extends Allowances | Denials>(port: P, replica: string, meter: EventMeter): P {
  const { end } = port as Allowances;
  const metered: Allowances['end'] = async (id, how, event) => {
    const ended = await end(id, how, (it) => ({ ...event(it), replica }));
    if (ended.kind === 'ended') meter(event(ended.it));
    return ended;
  };
  return { ...port, end: metered };
}

/** A change whose events, those of what it gives or uses in advance too, name the process. */
function marked(change: Change, mark: (event: NewEvent) => NewEvent): Change {
  const { allows, denies, under, counters } = change;
  return {
    ...change,
    events: change.events.map(mark),
    ...(allows === undefined ? {} : { allows: { ...allows, event: mark(allows.event) } }),
    ...(denies === undefined ? {} : { denies: { ...denies, event: mark(denies.event) } }),
    ...(counters === undefined ? {} : { counters: markedCounter(counters, mark) }),
    ...(under === undefined ? {} : { under: { ...under, events: (after) => under.events(after).map(mark) } }),
  };
}

function markedCounter(counters: OpensCounter, mark: (event: NewEvent) => NewEvent): OpensCounter {
  const { event, vote } = counters;
  return { ...counters, event: mark(event), vote: vote === null ? null : marked(vote, mark) };
}

/** The events of a change that are known before it is made. */
function eventsOf({ events, allows, denies, counters }: Change): readonly NewEvent[] {
  const given = [allows, denies, counters].flatMap((each) => each?.event ?? []);
  return [...events, ...given, ...(counters?.vote?.events ?? [])];
}

/** The same for logins. */
export function meteredLogins(logins: Logins, replica: string, meter: EventMeter): Logins {
  return {
    ...logins,
    begin: async (login, event) => {
      await logins.begin(login, { ...event, replica });
      meter(event);
    },
    end: async (id, event) => {
      await logins.end(id, { ...event, replica });
      meter(event);
    },
  };
}

/** The same for revocations. */
export function meteredRevocations(revocations: Revocations, replica: string, meter: EventMeter): Revocations {
  return {
    ...revocations,
    revoke: async (revocation, event) => {
      const revoked = await revocations.revoke(revocation, { ...event, replica });
      if (revoked) meter(event);
      return revoked;
    },
  };
}

/** The same for freezes. */
export function meteredFreezes(freezes: Freezes, replica: string, meter: EventMeter): Freezes {
  return {
    ...freezes,
    set: async (freeze, event) => {
      const set = await freezes.set(freeze, { ...event, replica });
      if (set.kind === 'set') meter(event);
      return set;
    },
    lift: async (id, lifting, event) => {
      const lifted = await freezes.lift(id, lifting, (freeze) => ({ ...event(freeze), replica }));
      if (lifted.kind === 'lifted') meter(event(lifted.freeze));
      return lifted;
    },
  };
}

/** The same for erasures. */
export function meteredErasures(erasures: Erasures, replica: string, meter: EventMeter): Erasures {
  return {
    ...erasures,
    erase: async (order) => {
      const written: NewEvent[] = [];
      const done = await erasures.erase({
        ...order,
        event: (approval, data) => {
          const event = { ...order.event(approval, data), replica };
          // The last one counts: a transaction may be tried again.
          written[0] = event;
          return event;
        },
      });
      if (done.kind === 'erased') written.forEach(meter);
      return done;
    },
  };
}

/** The same for logins of people. */
export function meteredPersonLogins(logins: PersonLogins, replica: string, meter: EventMeter): PersonLogins {
  return {
    ...logins,
    begin: async (login, person, event) => {
      const begun = await logins.begin(login, person, { ...event, replica });
      if (begun) meter(event);
      return begun;
    },
  };
}

/** The same for people's tokens. */
export function meteredTokens(tokens: ApiTokens, replica: string, meter: EventMeter): ApiTokens {
  return {
    ...tokens,
    add: async (token, event) => {
      const added = await tokens.add(token, { ...event, replica });
      if (added === 'added') meter(event);
      return added;
    },
    suspend: async (owner, at, event) => {
      const ids = await tokens.suspend(owner, at, (stopped) => ({ ...event(stopped), replica }));
      if (ids.length > 0) meter(event(ids));
      return ids;
    },
    revoke: async (id, by, at, event) => {
      const revoked = await tokens.revoke(id, by, at, { ...event, replica });
      if (revoked !== null) meter(event);
      return revoked;
    },
  };
}

/** The same for people's passkeys. */
export function meteredKeys(keys: PersonKeys, replica: string, meter: EventMeter): PersonKeys {
  return {
    ...keys,
    add: async (key, event) => {
      const added = await keys.add(key, { ...event, replica });
      if (added === 'added') meter(event);
      return added;
    },
    register: async (id, by, event) => {
      const registered = await keys.register(id, by, { ...event, replica });
      if (registered !== null) meter(event);
      return registered;
    },
    revoke: async (id, by, at, event) => {
      const revoked = await keys.revoke(id, by, at, { ...event, replica });
      if (revoked !== null) meter(event);
      return revoked;
    },
    used: async (id, counter, at, event) => {
      const used = await keys.used(id, counter, at, { ...event, replica });
      if (used === 'suspended') meter(event);
      return used;
    },
  };
}
