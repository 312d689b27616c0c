import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import { memberPath } from '../json/member-path.ts';
import { CLIENT_CAPABILITIES, CLIENT_INFO, type Introduction, introductionIn, onlyCounted } from './introduction.ts';
import type { Sent } from './sent.ts';

/** One value that is forwarded besides the arguments. */
export interface SentValue {
  /** `params.options.force`, `meta["acme.com/tenant"]`, `header mcp-param-region`. Not yet safe to show. */
  readonly name: string;
  /** A single value, a list, or an empty object. */
  readonly value: Json;
}

/** What a person is shown of what is forwarded besides the arguments (P10). */
export interface AlsoSent {
  /** Plain enough for the small print, because every client sends it with every call. */
  readonly introduction: Introduction;
  /** Everything else, in order: reading on makes the next one, because there may be very many. */
  readonly values: () => Iterable<SentValue>;
  /** The same and what the introduction only counts, for whoever looks at the whole call. */
  readonly everything: () => Iterable<SentValue>;
}

export function alsoSent({ params, meta, headers }: Sent): AlsoSent {
  const introduction = introductionIn(meta);
  const apart = new Set<string>();
  if (introduction.client !== null) apart.add(CLIENT_INFO);
  if (introduction.capabilities !== null) apart.add(CLIENT_CAPABILITIES);
  function* values(): Generator<SentValue> {
    yield* valuesIn(params, 'params');
    for (const [name, value] of Object.entries(meta)) {
      if (!apart.has(name)) yield* valuesAt(value, memberPath('meta', name));
    }
    for (const [name, value] of Object.entries(headers)) yield { name: `header ${name}`, value };
  }
  const counted = onlyCounted(member(meta, CLIENT_INFO));
  return {
    introduction,
    values,
    *everything() {
      yield* values();
      if (counted !== null) yield* valuesIn(counted, memberPath('meta', CLIENT_INFO));
    },
  };
}

/** Whether there is anything besides the arguments and the introduction. */
export function sendsMore(sent: Sent): boolean {
  for (const _ of alsoSent(sent).values()) return true;
  return false;
}

function* valuesIn(object: JsonObject, path: string): Generator<SentValue> {
  for (const name of Object.keys(object)) yield* valuesAt(object[name]!, memberPath(path, name));
}

/** Objects are taken apart down to their single values and lists. The strict door bounds how deep they are. */
function* valuesAt(value: Json, path: string): Generator<SentValue> {
  if (isObject(value) && Object.keys(value).length > 0) yield* valuesIn(value, path);
  else yield { name: path, value };
}
