import { type Allowance, type AllowanceEnd, endingOf, type StandingDenial } from '../../domain/allowance/allowance.ts';
import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { ADMIN } from '../../domain/approval/current.ts';
import { mayTakeBack } from '../../domain/approval/take-back.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Role } from '../../domain/people/role.ts';
import type { EndedInAdvance } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { todayOf } from './covering.ts';

export type EndingGateway = Pick<
  Gateway,
  'allowances' | 'cards' | 'clock' | 'denials' | 'knownInAdvance' | 'log' | 'queue' | 'rules' | 'store' | 'storeWatch'
>;

/** A person who ends it, and what a sign-in or a token gives them. */
export interface Ender extends Approver {
  readonly roles?: ReadonlySet<Role> | null;
  /**
   * The same person with the user groups of the approval that they are in, where that has to be asked elsewhere; absent:
   * they are known. Asked only of whom nothing else lets end it.
   */
  inGroups?(approval: Approval): Promise<Approver>;
}

export type EndedByPerson<T> = EndedInAdvance<T> | { readonly kind: 'not_allowed' };

/**
 * A person ends an allowance: whoever may approve the call, gave it, or owns the agent; an operator; the admin token. No
 * use is spent after it returns, and every replica knows within a second.
 */
export async function revokeAllowance(
  gateway: EndingGateway,
  id: string,
  by: Ender,
): Promise<EndedByPerson<Allowance>> {
  const found = await gateway.allowances.find(id);
  if (found === null) return { kind: 'not_found' };
  if (!found.by.includes(by.id) && !(await mayEnd(gateway, found, by))) {
    await noteRefused(gateway, found, by, 'revoke_allowance');
    return { kind: 'not_allowed' };
  }
  const ended = await endAllowance(gateway, found, 'revoked', by);
  if (ended.kind === 'ended') await gateway.storeWatch.tellSets();
  return ended;
}

/** The same for a standing denial: nothing runs by it, the question is asked again. */
export async function revokeDenial(
  gateway: EndingGateway,
  id: string,
  by: Ender,
): Promise<EndedByPerson<StandingDenial>> {
  const found = await gateway.denials.find(id);
  if (found === null) return { kind: 'not_found' };
  if (found.by !== by.id && !(await mayEnd(gateway, found, by))) {
    await noteRefused(gateway, found, by, 'revoke_denial');
    return { kind: 'not_allowed' };
  }
  const ended = await endDenial(gateway, found, 'revoked', by);
  if (ended.kind === 'ended') await gateway.storeWatch.tellSets();
  return ended;
}

async function mayEnd(
  { clock, rules, store }: Pick<Gateway, 'clock' | 'rules' | 'store'>,
  { approval }: Pick<Allowance, 'approval'>,
  by: Ender,
): Promise<boolean> {
  if (by.id === ADMIN || by.roles?.has('operator') || rules.isOperator(by.id)) return true;
  const source = await store.find(approval);
  if (source === null) return false;
  const may = (person: Approver): boolean => mayTakeBack(source, person, clock.now(), rules.approvers(source));
  return may(by) || (by.inGroups !== undefined && may(await by.inGroups(source)));
}

async function noteRefused(
  { clock, store }: Pick<Gateway, 'clock' | 'store'>,
  about: Pick<Allowance, 'approval' | 'grant' | 'id' | 'server' | 'tool'>,
  by: Ender,
  choice: string,
): Promise<void> {
  const data = { reason: 'not_an_approver', choice, via: by.via, id: about.id };
  await store.append([aboutEvent(about, 'admin.refused', clock.now(), actorOf(by), data)]);
}

async function endAllowance(
  gateway: Pick<EndingGateway, 'allowances' | 'cards' | 'clock' | 'knownInAdvance' | 'log' | 'queue'>,
  { id }: Pick<Allowance, 'id'>,
  why: AllowanceEnd,
  by: Ender | null,
): Promise<EndedInAdvance<Allowance>> {
  const at = gateway.clock.now();
  const ended = await gateway.allowances.end(id, { at, why, by: by?.id ?? 'holdfast' }, (it) =>
    aboutEvent(it, 'allowance.ended', at, by === null ? 'holdfast' : actorOf(by), {
      allowance: it.id,
      why,
      used: it.used,
      of: it.bounds.calls,
      ...(by === null ? {} : { via: by.via }),
    }),
  );
  if (ended.kind !== 'not_found') await told(gateway, ended.it);
  return ended;
}

async function endDenial(
  gateway: Pick<EndingGateway, 'cards' | 'clock' | 'denials' | 'knownInAdvance' | 'log' | 'queue'>,
  { id }: Pick<StandingDenial, 'id'>,
  why: 'over' | 'revoked',
  by: Ender | null,
): Promise<EndedInAdvance<StandingDenial>> {
  const at = gateway.clock.now();
  const ended = await gateway.denials.end(id, { at, why, by: by?.id ?? 'holdfast' }, (it) =>
    aboutEvent(it, 'denial.ended', at, by === null ? 'holdfast' : actorOf(by), {
      denial: it.id,
      why,
      ...(by === null ? {} : { via: by.via }),
    }),
  );
  if (ended.kind !== 'not_found') await told(gateway, ended.it);
  return ended;
}

/** Its card tells how it stands. What the queue does not take, the sweep finds. */
async function told(
  { cards, knownInAdvance, log, queue }: Pick<EndingGateway, 'cards' | 'knownInAdvance' | 'log' | 'queue'>,
  { approval }: Pick<Allowance, 'approval'>,
): Promise<void> {
  await knownInAdvance.refreshSoon();
  if (cards === null) return;
  await queue.publish(approval, { turn: 1 }).catch((error: unknown) => {
    log.warn({ approval, err: error }, 'the queue did not take the card of what was given in advance; the sweep will');
  });
}

/** Ends the allowance for this reason, found by the gateway itself. Never rejects: another look follows. */
export async function endAs(
  gateway: Parameters<typeof endAllowance>[0],
  allowance: Pick<Allowance, 'id'>,
  why: AllowanceEnd,
): Promise<void> {
  await endAllowance(gateway, allowance, why, null).catch((error: unknown) => {
    gateway.log.warn({ allowance: allowance.id, err: error }, 'an allowance could not be ended yet');
  });
}

/**
 * Ends what today's configuration or the time does not let live on, as far as this process knows. One that is used up ends when no
 * pass of it waits any more, which the sweep finds.
 */
export async function endStale(
  gateway: Parameters<typeof endAllowance>[0] & Pick<Gateway, 'denials' | 'rules'>,
): Promise<void> {
  for (const one of gateway.knownInAdvance.allowances) {
    const today = todayOf(gateway, one);
    const why = endingOf({ ...one, used: 0 }, today, gateway.knownInAdvance.firstLook(one, today.look));
    if (why !== null) await endAs(gateway, one, why);
  }
  for (const one of gateway.knownInAdvance.denials) {
    if (gateway.clock.now() >= one.until) await endDenial(gateway, one, 'over', null).catch(() => undefined);
  }
}

/** An event about what was given in advance: about the approval that gave it. */
export function aboutEvent(
  { approval, server, tool, grant }: Pick<Allowance, 'approval' | 'grant' | 'server' | 'tool'>,
  type: NewEvent['type'],
  at: Date,
  actor: string,
  data: NewEvent['data'],
): NewEvent {
  return { ...NO_SUBJECT, type, at, actor, approval, server, tool, grant, data };
}
