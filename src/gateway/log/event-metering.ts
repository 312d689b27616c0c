import type { NewEvent } from '../../domain/log/event.ts';
import type { Logins, Revocations, Store } from '../../ports.ts';
import type { EventMeter } from '../ports.ts';

/** The same store, whose events say which process wrote them and are heard by the meter: here, once for all. */
export function meteredStore(store: Store, replica: string, heard: EventMeter): Store {
  const mark = (event: NewEvent): NewEvent => ({ ...event, replica });
  const hear = (events: readonly NewEvent[]): void => events.forEach(heard);
  return {
    ...store,
    append: async (events) => {
      await store.append(events.map(mark));
      hear(events);
    },
    admit: async (takes, event) => {
      const admission = await store.admit(takes, mark(event));
      if (admission.kind === 'admitted') heard(event);
      return admission;
    },
    refund: async (taken, event) => {
      await store.refund(taken, mark(event));
      heard(event);
    },
    open: async (request, joiner, maxPending, event) => {
      const opened = await store.open(request, joiner, maxPending, mark(event));
      if (opened.kind === 'opened') heard(event);
      if (opened.kind === 'joined') heard({ ...event, type: 'approval.joined' });
      return opened;
    },
    commit: async (change) => {
      const committed = await store.commit({ ...change, events: change.events.map(mark) });
      if (committed.kind === 'committed') hear(change.events);
      return committed;
    },
    commitBoth: async (first, second) => {
      const [one, two] = [first, second].map((change) => ({ ...change, events: change.events.map(mark) }));
      const committed = await store.commitBoth(one!, two!);
      if (committed.kind === 'committed') hear([...first.events, ...second.events]);
      return committed;
    },
    collected: async (joiner, event, until) => {
      await store.collected(joiner, mark(event), until);
      heard(event);
    },
    leave: (by, event) => store.leave(by, (approval) => mark(event(approval))),
    leaveSession: (by, event) => store.leaveSession(by, (approval) => mark(event(approval))),
    saveCard: async (card, event, content) => {
      await store.saveCard(card, event === null ? null : mark(event), content);
      if (event !== null) heard(event);
    },
  };
}

/** The same for who signs in. */
export function meteredLogins(logins: Logins, replica: string, heard: EventMeter): Logins {
  return {
    ...logins,
    begin: async (login, event) => {
      await logins.begin(login, { ...event, replica });
      heard(event);
    },
    end: async (id, event) => {
      await logins.end(id, { ...event, replica });
      heard(event);
    },
  };
}

/** The same for tokens that are revoked. */
export function meteredRevocations(revocations: Revocations, replica: string, heard: EventMeter): Revocations {
  return {
    ...revocations,
    revoke: async (revocation, event) => {
      const revoked = await revocations.revoke(revocation, { ...event, replica });
      if (revoked) heard(event);
      return revoked;
    },
  };
}
