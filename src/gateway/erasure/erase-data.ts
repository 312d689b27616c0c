import type { Approval } from '../../domain/approval/approval.ts';
import { type EraseRefusal, judgeErasure } from '../../domain/approval/erase.ts';
import type { Erasure } from '../../domain/call/erasure.ts';
import { canonical } from '../../domain/json/canonical.ts';
import { approvalEvent, type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { ErasedData } from '../../ports.ts';
import { actorOf } from '../decision/actor.ts';
import { noteRefusal, type Operator, operates } from '../freeze/set-freeze.ts';
import type { Gateway } from '../gateway.ts';
import { removeSamples } from './remove-samples.ts';

export type DataErasure =
  /** `approval`: as it is now; null: only its events were left. */
  | {
      readonly kind: 'erased';
      readonly approval: Approval | null;
      readonly erasure: Erasure;
      readonly data: ErasedData;
      /** Samples of the same call that were removed. */
      readonly samples: number;
    }
  | { readonly kind: 'refused'; readonly why: EraseRefusal }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'not_an_operator' };

/**
 * Erases what an approval says of its call: arguments, what was sent beside them, what the agent said, answers, cards, what was found
 * out for the card, samples of the same call, and, by destroying the approval's key, what the log says of it. Who asked, for which
 * tool, who decided and what became of it stays, and that it was erased, by whom and why, is an event. It cannot be undone.
 */
export async function eraseData(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'erasures' | 'rules' | 'samples' | 'store' | 'vault'>,
  id: string,
  reason: string,
  operator: Operator,
): Promise<DataErasure> {
  const { clock, erasures, rules, store } = gateway;
  if (!operates(rules, operator)) {
    await noteRefusal(gateway, { operator, asked: 'erase' });
    return { kind: 'not_an_operator' };
  }
  const at = clock.now();
  const actor = actorOf(operator);
  const erasure: Erasure = { by: actor, at: at.toISOString(), reason };
  const known = await store.find(id);
  const early = known && judgeErasure(known, { owedUntil: null, taskUntil: null, cardRuns: false }, at);
  if (early !== null) return { kind: 'refused', why: early };
  // Where it is off, events say in the clear what would be gone from everywhere else; a key is left from when it was on.
  if (known !== null && rules.erasable !== true && !(await erasures.keys([id])).has(id))
    return { kind: 'refused', why: 'off' };
  // Before, so that none is left if this process dies in between: a call whose sample is gone is one of which less is known.
  const samples = known === null ? 0 : await removeSamples(gateway, [known.server], alike(known));
  const erased = await erasures.erase({
    approval: id,
    erasure,
    judge: (approval, row) => judgeErasure(approval, row, at),
    event: (approval, data) => erasedEvent(approval, id, { at, actor, reason, via: operator.via, data, samples }),
  });
  if (erased.kind !== 'erased') {
    // About no approval: one that names it would be believed as its erasure.
    const data = { reason, via: operator.via, samples };
    if (samples > 0) await store.append([{ ...NO_SUBJECT, type: 'data.erased', at, actor, data }]);
    return erased;
  }
  // Its card, which says what is left.
  if (erased.approval !== null) gateway.announcer.announce(erased.approval);
  return { kind: 'erased', approval: erased.approval, erasure, data: erased.data, samples };
}

function alike({ tool, fingerprint, arguments: args }: Approval): Parameters<typeof removeSamples>[2] {
  const text = canonical(args);
  return (sample, name) =>
    name === tool && (sample.fingerprint === fingerprint || canonical(sample.arguments) === text);
}

function erasedEvent(
  approval: Approval | null,
  id: string,
  done: {
    readonly at: Date;
    readonly actor: string;
    readonly reason: string;
    readonly via: Operator['via'];
    readonly data: ErasedData;
    readonly samples: number;
  },
): NewEvent {
  const { at, actor, reason, via, samples } = done;
  const { cards, enclosed, clear } = done.data;
  const data = { reason, via, events: enclosed, clear, cards, samples };
  const type = 'data.erased';
  if (approval === null) return { type, at, actor, ...NO_SUBJECT, approval: id, data };
  const { fingerprint, state } = approval;
  return approvalEvent(approval, { type, at, actor, data: { ...data, fingerprint, state } });
}
