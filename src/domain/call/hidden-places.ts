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

/** Places of marks whose names look secret, or of all marks, in order. A list's name is that of its items. */
function marksAt(top: Json, path: string, all: boolean): string[] {
  const places: string[] = [];
  const open = [{ value: top, path, secret: all }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path, secret } = next;
    if (value === REDACTED && secret) places.push(path);
    if (typeof value !== 'object' || value === null) continue;
    const below = Array.isArray(value)
      ? value.map((item, index) => ({ value: item, path: `${path}[${index}]`, secret }))
      : Object.entries(value).map(([name, inner]) => {
          return { value: inner, path: memberPath(path, name), secret: all || secretName(name) !== null };
        });
    open.push(...below.reverse());
  }
  return places;
}
