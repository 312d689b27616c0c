import { type Freeze, type FreezeScope, freezeSubject, scopeName } from '../../domain/freeze/freeze.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Role } from '../../domain/people/role.ts';
import { pause } from '../../time/pause.ts';
import { actorOf } from '../decision/actor.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import type { Rules } from '../rules.ts';
import { FREEZES_GOOD_MS } from '../state/known-freezes.ts';
import { showFreeze } from './show-freeze.ts';

/** A person who freezes or thaws, and the door through which he came. */
export interface Operator {
  /** A Slack user id, or `admin`. */
  readonly id: string;
  readonly via: 'api' | 'console' | 'slack';
  /** What a sign-in or a token gives them; absent: what the config says of the id counts alone. */
  readonly roles?: ReadonlySet<Role> | null;
}

export type SetFreeze =
  /** In force here, and at every replica for every pass and every call with a limit; for other calls there within 2 s. */
  | { readonly kind: 'set'; readonly freeze: Freeze }
  | { readonly kind: 'exists'; readonly freeze: Freeze }
  /** As many are in force as may be. */
  | { readonly kind: 'crowded' }
  | { readonly kind: 'not_an_operator' }
  /** The config has no such server or grant. */
  | { readonly kind: 'unknown_scope' };

/**
 * Stops everything, one server or one grant: nothing new is forwarded, what is parked stays parked and its clocks run,
 * and what was sent goes on. `reason`: as `freezeReason` has it.
 */
export async function setFreeze(
  gateway: Pick<
    Gateway,
    'cards' | 'clock' | 'freezes' | 'knownFreezes' | 'log' | 'queue' | 'rules' | 'store' | 'storeWatch'
  >,
  scope: FreezeScope,
  reason: string,
  operator: Operator,
): Promise<SetFreeze> {
  const { clock, rules, freezes, knownFreezes, log } = gateway;
  const since = clock.now();
  if (!operates(rules, operator)) {
    await noteRefusal(gateway, { operator, asked: 'freeze', about: freezeSubject(scope) });
    return { kind: 'not_an_operator' };
  }
  if (!rules.knows(scope)) return { kind: 'unknown_scope' };
  const freeze: Freeze = { id: newId('fz', since), scope, reason, by: operator.id, since };
  const set = await freezes.set(freeze, freezeEvent('freeze.set', freeze, since, operator, reason));
  if (set.kind !== 'set') return set;
  // Until then other replicas may let calls through within quota that they hold, without knowing of it.
  const known = pause(FREEZES_GOOD_MS);
  // It is in force: what this process could not read now it reads half a second later.
  await knownFreezes.refresh().catch((error) => log.warn({ err: error }, 'the freezes could not be read again'));
  void showFreeze(gateway, set.concerned);
  await Promise.all([gateway.storeWatch.tellSets(), known]);
  return { kind: 'set', freeze };
}

/** Whether this person may operate: by the config, or, signed in, by a role that the provider's claim gives. */
export function operates(rules: Pick<Rules, 'isOperator'>, { id, roles }: Pick<Operator, 'id' | 'roles'>): boolean {
  return roles?.has('operator') || rules.isOperator(id);
}

/** The event of a change of a freeze. Its server or grant is that of the scope. */
export function freezeEvent(
  type: 'freeze.set' | 'freeze.lifted',
  freeze: Freeze,
  at: Date,
  operator: Operator,
  reason: string,
): NewEvent {
  const data = {
    id: freeze.id,
    scope: freeze.scope.kind,
    name: scopeName(freeze.scope),
    reason,
    via: operator.via,
    ...(type === 'freeze.lifted' ? { since: freeze.since.toISOString(), by: freeze.by } : {}),
  };
  return { type, at, actor: actorOf(operator), ...NO_SUBJECT, ...freezeSubject(freeze.scope), data };
}

/** Logs that somebody asked for it who is no operator. */
export async function noteRefusal(
  { store, clock }: Pick<Gateway, 'clock' | 'store'>,
  refused: {
    readonly operator: Operator;
    readonly asked: 'erase' | 'freeze' | 'revoke' | 'thaw';
    readonly about?: { readonly server?: string; readonly grant?: string };
  },
): Promise<void> {
  const { operator, asked, about = {} } = refused;
  const data = { reason: 'not_an_operator', choice: asked, via: operator.via };
  const base = { type: 'admin.refused', at: clock.now(), actor: actorOf(operator) } as const;
  await store.append([{ ...base, ...NO_SUBJECT, ...about, data }]);
}
