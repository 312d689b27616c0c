import { cut } from '../../text/cut.ts';
import type { Sent } from '../call/sent.ts';
import { decimal } from '../json/decimal.ts';
import { isObject, type Json } from '../json/json.ts';
import { memberPath } from '../json/member-path.ts';
import { REDACTED } from '../json/redact.ts';
import { type Path, valueAt } from '../policy/path.ts';
import type { UsualRule } from '../policy/usual-rule.ts';
import type { Particulars } from './facts.ts';

/** Names, in lower case and without `_` and `-`, of arguments that say where a call goes; of the first level. */
const DESTINATIONS: ReadonlySet<string> = new Set([
  ...[
    'to',
    'recipient',
    'recipients',
    'cc',
    'bcc',
    'url',
    'uri',
    'endpoint',
    'webhook',
    'webhookurl',
    'host',
    'hostname',
  ],
  ...[
    'domain',
    'channel',
    'channelid',
    'chatid',
    'room',
    'repo',
    'repository',
    'owner',
    'org',
    'organization',
    'namespace',
  ],
  ...[
    'cluster',
    'context',
    'database',
    'databaseid',
    'databasename',
    'db',
    'bucket',
    'project',
    'projectid',
    'workspace',
  ],
  ...[
    'environment',
    'env',
    'region',
    'account',
    'accountid',
    'branch',
    'table',
    'collection',
    'topic',
    'queue',
    'destination',
  ],
]);
/** The same for arguments that say how much. */
const AMOUNTS: ReadonlySet<string> = new Set([
  ...[
    'amount',
    'amountcents',
    'total',
    'sum',
    'price',
    'quantity',
    'qty',
    'count',
    'replicas',
    'budget',
    'value',
    'cost',
  ],
  ...['units', 'shares', 'size', 'percent', 'percentage'],
]);

/** `each`: destinations, and amounts, that are kept. `units`: UTF-16 units of one: a longer one is cut, and equals no other. */
export const PARTICULAR_BOUNDS = { each: 16, units: 160, names: 1_000 } as const;

/** What of a call is compared with others like it, from what is shown of it: what is hidden is not kept. */
export function particularsOf(
  shown: { readonly arguments: Json; readonly sent: Sent },
  rule: UsualRule | null,
  at: Date,
): Particulars {
  const { params, meta } = shown.sent;
  const call = { args: isObject(shown.arguments) ? shown.arguments : {}, params: { ...params, _meta: meta } };
  const named = (paths: readonly Path[]): [string, Json | undefined][] =>
    paths.map((path) => [path.text, valueAt(call, path)]);
  const found = recognised(shown.arguments);
  const places = kept(
    rule?.destinations === null || rule === null ? found.destinations : named(rule.destinations),
    placeText,
  );
  const amounts = kept(rule?.amounts === null || rule === null ? found.amounts : named(rule.amounts), amountText);
  const asNamed = rule === null || rule.destinations === null || rule.amounts === null;
  const uncompared = places.left + amounts.left + (asNamed ? found.left : 0);
  const unlike = [...places.unlike, ...amounts.unlike];
  return {
    at: at.getTime(),
    destinations: places.texts,
    amounts: amounts.texts,
    ...(uncompared === 0 ? {} : { uncompared }),
    ...(unlike.length === 0 ? {} : { unlike }),
  };
}

/** `left`: arguments that were not looked at. */
function recognised(args: Json) {
  const found = { amounts: [] as [string, Json][], destinations: [] as [string, Json][], left: 0 };
  if (!isObject(args)) return found;
  const names = Object.keys(args);
  found.left = Math.max(names.length - PARTICULAR_BOUNDS.names, 0);
  for (const name of names.slice(0, PARTICULAR_BOUNDS.names)) {
    const plain = name.length > 40 ? '' : name.toLowerCase().replace(/[_-]/g, '');
    if (DESTINATIONS.has(plain)) found.destinations.push([memberPath('args', name), args[name]!]);
    if (AMOUNTS.has(plain)) found.amounts.push([memberPath('args', name), args[name]!]);
  }
  return found;
}

/** `left`: for which there was no room. `unlike`: the paths of those that are there, and cannot be compared. */
function kept(
  values: readonly [string, Json | undefined][],
  textOf: (value: Json | undefined) => string | null,
): { readonly texts: { [path: string]: string }; readonly left: number; readonly unlike: readonly string[] } {
  const texts: Record<string, string> = Object.create(null);
  const unlike: string[] = [];
  let left = 0;
  for (const [path, value] of values) {
    const text = textOf(value);
    if (text === null && !saysSomething(value)) continue;
    if (text === null && unlike.length < PARTICULAR_BOUNDS.each) unlike.push(path);
    else if (text !== null && Object.keys(texts).length < PARTICULAR_BOUNDS.each) texts[path] = text;
    else left += 1;
  }
  return { texts: { ...texts }, left, unlike };
}

/** Whether there is anything at all that could be compared; of a value that is hidden whole, the card says so. */
function saysSomething(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === REDACTED) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** All values, of a list; of an address, its host: paths and queries change with each call. */
function placeText(value: Json | undefined): string | null {
  const all = Array.isArray(value) ? (value as readonly Json[]).slice(0, PARTICULAR_BOUNDS.units) : [value];
  const texts = all.map((one) => (typeof one === 'number' ? String(one) : one));
  if (texts.length === 0 || !texts.every(isPlace)) return null;
  return cut(texts.map((text) => hostOf(text) ?? text).join(', '), PARTICULAR_BOUNDS.units);
}

function isPlace(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '' && !value.includes(REDACTED);
}

/** Whether all of a destination is kept. */
export function isWholePlace(place: string): boolean {
  return place.length < PARTICULAR_BOUNDS.units;
}

/** Scheme, host and port of an address as a browser would read it; null: it is no address. */
function hostOf(text: string): string | null {
  if (text.length > 4_096 || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return null;
  const { protocol, host } = new URL(text);
  return host === '' ? null : `${protocol}//${host}`;
}

function amountText(value: Json | undefined): string | null {
  const text = decimal(value);
  return text === null || text.length > 40 ? null : text;
}
