import { headerText, numberText } from '../../domain/call/header-value.ts';
import type { InexactValues } from '../../domain/call/inexact.ts';
import { decimal } from '../../domain/json/decimal.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { ended } from '../../text/ended.ts';
import { comparableName } from '../protocol/gated-headers.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import type { ReadBatch, ReadSingle } from './strict-door.ts';

/** What to do about a header that the body does not confirm. */
const SAME = 'Send in the header just what the body says, or leave the header out';

const VERSION_CLAIM = 'io.modelcontextprotocol/protocolVersion';
const PARAM_PREFIX = 'mcp-param-';

/** What is compared of a body. */
type ReadBody = Pick<ReadSingle, 'inexact' | 'kind' | 'message'> | Pick<ReadBatch, 'kind'>;

/** The revision that the body claims (2026-07-28 and later); null in the legacy era, which has no such claim. */
export function claimedRevisionOf(message: JsonObject): string | null {
  const claimed = member(member(member(message, 'params'), '_meta'), VERSION_CLAIM);
  return typeof claimed === 'string' ? claimed : null;
}

/**
 * Checks that the headers that repeat parts of the body agree with it (2026-07-28, HeaderMismatch): `Mcp-Method`,
 * `Mcp-Name`, `MCP-Protocol-Version`, and `Mcp-Param-*` as far as that is possible without the tool's schema. Null when
 * they agree, else the reason. Missing headers are left for the upstream to refuse.
 */
export function headerDisagreement(headers: HeaderRecord, read: ReadBody): string | null {
  return ended(headerDisagreementSteps(headers, read));
}

/** The same step by step: yields whenever some thousand arguments have been looked at. */
export function* headerDisagreementSteps(headers: HeaderRecord, read: ReadBody): Generator<void, string | null> {
  const message = read.kind === 'message' ? read.message : null;
  const method = headers['mcp-method'];
  if (method !== undefined && method !== member(message, 'method'))
    return `Mcp-Method is not the method of the body. ${SAME}`;

  const name = headers['mcp-name'];
  if (name !== undefined && headerText(name) !== nameOf(message)) return `Mcp-Name is not what the body names. ${SAME}`;

  const version = headers['mcp-protocol-version'];
  const claimed = message === null ? null : claimedRevisionOf(message);
  if (version !== undefined && claimed !== null && version !== claimed) {
    return `MCP-Protocol-Version is not the version that the body claims. ${SAME}`;
  }
  return yield* parameterDisagreement(headers, read);
}

function nameOf(message: JsonObject | null): Json | undefined {
  const params = member(message, 'params');
  const method = member(message, 'method');
  // What the method does not read must not stand in for what it does.
  if (typeof method === 'string' && method.startsWith('resources/')) return member(params, 'uri');
  if (typeof method === 'string' && method.startsWith('tasks/')) return member(params, 'taskId');
  return member(params, 'name') ?? member(params, 'uri') ?? member(params, 'taskId');
}

/** Parameter headers that one request may have. */
export const MOST_PARAM_HEADERS = 64;
/** Arguments that are looked at between two breaks. */
const LOOKED_AT_ONCE = 2_000;
/** Longest name of a parameter header, without the prefix, in characters. */
const LONGEST_PARAM_NAME = 256;

/** What one parameter header says. */
interface ParameterClaim {
  readonly header: string;
  /** The argument's name, in comparable form. */
  readonly name: string;
  readonly text: string;
  /** The number that the text says, as a canonical decimal; null where it says none. */
  readonly number: string | null;
}

function* parameterDisagreement(headers: HeaderRecord, read: ReadBody): Generator<void, string | null> {
  const claims: ParameterClaim[] = [];
  for (const header in headers) {
    if (!header.startsWith(PARAM_PREFIX)) continue;
    const name = header.slice(PARAM_PREFIX.length);
    if (name.length > LONGEST_PARAM_NAME) {
      return `the name of an Mcp-Param header is longer than ${LONGEST_PARAM_NAME} characters`;
    }
    const text = headerText(headers[header] ?? '');
    if (text === null) {
      return `${header} is encoded in an unusual way: write =?base64?…?= around base64 of UTF-8, padded and without blanks`;
    }
    claims.push({ header, name: comparableName(name), text, number: numberText(text) });
  }
  if (claims.length === 0) return null;
  if (claims.length > MOST_PARAM_HEADERS) {
    return `a request has at most ${MOST_PARAM_HEADERS} Mcp-Param headers, and this one has ${claims.length}: leave the others out`;
  }
  const message = read.kind === 'message' ? read.message : null;
  const args = member(member(message, 'params'), 'arguments');
  const unconfirmed =
    args === undefined || read.kind !== 'message'
      ? claims[0]
      : yield* unconfirmedBy(args, claims, new InexactNumbers(read.inexact));
  return unconfirmed === undefined ? null : disagrees(unconfirmed);
}

function disagrees({ header, text }: ParameterClaim): string {
  const why = `${header} is not what the arguments say`;
  if (text.trim() === '' || Number.isNaN(Number(text))) return `${why}. ${SAME}`;
  return `${why}: write a number with all its digits, as 30 or -12.5, without +, exponent or zeros before it; one that a double cannot keep is sent as a string in the arguments`;
}

/** The arguments' numbers that a double does not keep: what was parsed is not what was written. */
class InexactNumbers {
  readonly #places: ReadonlySet<string>;
  readonly #more: boolean;

  constructor({ list, more }: InexactValues) {
    this.#places = new Set(list.filter(({ kind }) => kind === 'number').map(({ steps }) => JSON.stringify(steps)));
    this.#more = more;
  }

  /** No place needs to be known, because there are none. */
  get none(): boolean {
    return this.#places.size === 0 && !this.#more;
  }

  has(steps: readonly string[]): boolean {
    return this.#more || this.#places.has(JSON.stringify(steps));
  }
}

/**
 * The first claim that the arguments do not confirm. Only the tool's schema says which argument a parameter header
 * repeats, at whatever depth. In any case the value must occur among the arguments, and an argument of that name (apart
 * from case, `-` and `_`) must have it; what lies deeper may have the name too, and a value of its own. Looks at every
 * argument once, however many claims there are.
 */
function* unconfirmedBy(
  args: Json,
  claims: readonly ParameterClaim[],
  inexact: InexactNumbers,
): Generator<void, ParameterClaim | undefined> {
  const byName = Map.groupBy(claims, ({ name }) => name);
  const unmetTexts = new Set(claims.map(({ text }) => text));
  const unmetNumbers = new Set(claims.map(({ number }) => number));
  const steps = ['params', 'arguments'];
  let contradicted: ParameterClaim | undefined;
  let looked = 0;
  function* visit(node: JsonObject, depth: number): Generator<void> {
    for (const key of Object.keys(node)) {
      if (contradicted !== undefined) return;
      looked += 1;
      if (looked % LOOKED_AT_ONCE === 0) yield;
      const inner = node[key] as Json;
      steps.push(key);
      if (typeof inner !== 'object') compare(inner, key, depth + 1);
      else if (isObject(inner)) yield* visit(inner, depth + 1);
      steps.pop();
    }
  }
  const compare = (node: string | number | boolean, key: string | null, depth: number): void => {
    // Null: a number that is not what was written confirms nothing.
    const number = typeof node !== 'number' || (!inexact.none && inexact.has(steps)) ? null : decimal(node);
    const says = ({ text, number: claimed }: ParameterClaim): boolean =>
      typeof node === 'number' ? number !== null && number === claimed : String(node) === text;
    if (typeof node !== 'number') unmetTexts.delete(String(node));
    else if (number !== null) unmetNumbers.delete(number);
    if (key !== null && depth <= 1) contradicted = byName.get(comparableName(key))?.find((claim) => !says(claim));
  };
  if (typeof args !== 'object') compare(args, null, 0);
  else if (isObject(args)) yield* visit(args, 0);
  const isMet = ({ text, number }: ParameterClaim): boolean =>
    !unmetTexts.has(text) || (number !== null && !unmetNumbers.has(number));
  return contradicted ?? claims.find((claim) => !isMet(claim));
}
