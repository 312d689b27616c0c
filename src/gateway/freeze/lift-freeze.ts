import type { Freeze } from '../../domain/freeze/freeze.ts';
import type { FreezeLifted } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { freezeEvent, noteRefusal, type Operator, operates } from './set-freeze.ts';
import { showFreeze } from './show-freeze.ts';

export type LiftFreeze =
  | { readonly kind: 'lifted'; readonly freeze: Freeze }
  | { readonly kind: 'not_an_operator' }
  | Exclude<FreezeLifted, { kind: 'lifted' }>;

/** Thaws: what waits goes on here at once, and elsewhere within 2 s, as long as its time is not over. */
export async function liftFreeze(
  gateway: Pick<Gateway, 'cards' | 'clock' | 'freezes' | 'knownFreezes' | 'log' | 'queue' | 'rules' | 'store'>,
  id: string,
  reason: string,
  operator: Operator,
): Promise<LiftFreeze> {
  const { clock, rules, freezes, knownFreezes, log } = gateway;
  if (!operates(rules, operator)) {
    await noteRefusal(gateway, { operator, asked: 'thaw' });
    return { kind: 'not_an_operator' };
  }
  const at = clock.now();
  const lifted = await freezes.lift(id, { by: operator.id, at, reason }, (freeze) =>
    freezeEvent('freeze.lifted', freeze, at, operator, reason),
  );
  if (lifted.kind !== 'lifted') return lifted;
  await knownFreezes.refresh().catch((error) => log.warn({ err: error }, 'the freezes could not be read again'));
  void showFreeze(gateway, lifted.concerned);
  return { kind: 'lifted', freeze: lifted.freeze };
}
