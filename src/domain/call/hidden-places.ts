import type { Json } from '../json/json.ts';
import { memberPath } from '../json/member-path.ts';
import { REDACTED } from '../json/redact.ts';
import { secretName } from '../json/secret-name.ts';
import { type CallWithMarks, hiddenMarks } from './hidden-marks.ts';

/** Places that are named one by one; with more, the marks themselves tell as much. */
const MOST_NAMED = 5;
/** Longest place that is named, in UTF-16 units. */
const LONGEST_NAMED = 120;

/**
 * Where the values stand that only their names hide, as rows are named: `login.token`, `params.key`, `header x-token`.
 * Not yet safe to show. Empty: there are none, too many or too long ones, or they cannot be told from what policy hides
 * under such names, or from text of the agent.
 */
export function placesHiddenByName(call: CallWithMarks): readonly string[] {
  const { hidden, sent } = call;
  if (hidden.byName === 0 || hidden.byName > MOST_NAMED || hiddenMarks(call) === 'unclear') return [];
  const all = hidden.byPolicy + (hidden.byValue ?? 0) === 0;
  const places = [
    ...marksAt(call.arguments, '', all),
    ...marksAt(sent.params, 'params', all),
    ...marksAt(sent.meta, 'meta', all),
    // Policies have no paths that lead to headers.
    ...Object.entries(sent.headers).flatMap(([name, value]) => (value === REDACTED ? [`header ${name}`] : [])),
  ];
  // More than were hidden by name: policy hides some of these.
  const known = places.length === hidden.byName && places.every((place) => place.length <= LONGEST_NAMED);
  return known ? places : [];
}

/**
 * Places of marks whose names look secret, or of all marks, in order. A list's name is that of its items. A path is made
 * for what is found only: there may be a hundred thousand values.
 */
function marksAt(top: Json, path: string, all: boolean): string[] {
  const places: string[] = [];
  const steps: (string | number)[] = [];
  const look = (value: Json, secret: boolean): void => {
    if (value === REDACTED && secret) places.push(steps.reduce<string>(pathBelow, path));
    if (typeof value !== 'object' || value === null) return;
    const names = Array.isArray(value) ? null : Object.keys(value);
    const length = names === null ? (value as readonly Json[]).length : names.length;
    for (let index = 0; index < length; index++) {
      const step = names === null ? index : names[index]!;
      const inner = (value as { readonly [step: string | number]: Json })[step]!;
      // Nothing else can be a mark, or hold one.
      if (inner !== REDACTED && (typeof inner !== 'object' || inner === null)) continue;
      steps.push(step);
      look(inner, names === null ? secret : all || secretName(names[index]!) !== null);
      steps.pop();
    }
  };
  look(top, all);
  return places;
}

function pathBelow(path: string, step: string | number): string {
  return typeof step === 'number' ? `${path}[${step}]` : memberPath(path, step);
}
