import { plural } from '../../text/plural.ts';
import type { Json } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';
import type { ShownCall } from './redact-call.ts';
import type { HiddenValues } from './sent.ts';

/**
 * What a string that reads `[redacted]` in a shown call is. `hidden`: each stands for a hidden value. `sent`: the agent
 * sent each as it is. `unclear`: some are this, some that; there are more of them than values were hidden.
 */
export type HiddenMarks = 'hidden' | 'sent' | 'unclear';

/** A `ShownCall` of which the arguments may be any JSON, as those of an event may. */
export type CallWithMarks = Omit<ShownCall, 'arguments'> & { readonly arguments: Json };

export function hiddenMarks(call: CallWithMarks): HiddenMarks {
  const hidden = hiddenCount(call.hidden);
  if (hidden === 0) return 'sent';
  return marksOf(call) > hidden ? 'unclear' : 'hidden';
}

/** Marks that were counted, by the arguments: a card asks several times, and some calls are large. */
const countedMarks = new WeakMap<object, { readonly sent: CallWithMarks['sent']; readonly marks: number }>();

function marksOf({ arguments: args, sent }: CallWithMarks): number {
  const known = typeof args === 'object' && args !== null ? countedMarks.get(args) : undefined;
  if (known?.sent === sent) return known.marks;
  const marks = marksIn([args, sent.params, sent.meta, sent.headers]);
  if (typeof args === 'object' && args !== null) countedMarks.set(args, { sent, marks });
  return marks;
}

/** How many strings read `[redacted]`. Names do not count: they are never hidden. */
function marksIn(values: readonly Json[]): number {
  let marks = 0;
  const open: Json[] = [...values];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (value === REDACTED) marks++;
    else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) open.push(inner);
  }
  return marks;
}

/** How many values are hidden, and texts that repeat one. */
export function hiddenCount({ byPolicy, byName, byValue = 0 }: HiddenValues): number {
  return byPolicy + byName + byValue;
}

/** What whoever called may have chosen to hide: everything but what the policy hides itself (P10). */
export function callersHiding({ byName, byValue = 0 }: HiddenValues): HiddenValues {
  return { byPolicy: 0, byName, byValue };
}

/** How many values are hidden, and by what: one sentence for each reason, none where nothing is hidden. */
export function hiddenSentences({ byPolicy, byName, byValue = 0 }: HiddenValues): string[] {
  const sentences: string[] = [];
  if (byName > 0) {
    const why = byName === 1 ? 'because its name looks secret' : 'because their names look secret';
    sentences.push(`${count(byName, 'value')} hidden ${why}`);
  }
  if (byPolicy > 0) sentences.push(`${count(byPolicy, 'value')} hidden by policy`);
  if (byValue > 0) sentences.push(`${count(byValue, 'text')} masked where a hidden value is repeated`);
  return sentences;
}

function count(n: number, what: string): string {
  return `${n.toLocaleString('en-US')} ${plural(n, what)} ${n === 1 ? 'is' : 'are'}`;
}
