import { headerText, numberText } from '../../domain/call/header-value.ts';
import { decimal } from '../../domain/json/decimal.ts';
import type { Json, JsonObject } from '../../domain/json/json.ts';
import type { FrozenCalls } from '../../ports.ts';
import { withMember } from '../json/edit.ts';
import { headersWithArguments } from '../protocol/gated-headers.ts';
import { callOfFrozen, frozenBytes, frozenCallIn, paramsOf } from './frozen-call.ts';

/** Frozen calls, for whoever proposes another in place of one. */
export const FROZEN_CALLS: FrozenCalls = {
  read(bytes, principal, server) {
    const frozen = frozenCallIn(bytes);
    return callOfFrozen({ principal, server, session: frozen.session }, frozen);
  },

  withArguments(bytes, args) {
    const frozen = frozenCallIn(bytes);
    const text = withMember(frozen.text, ['params', 'arguments'], JSON.stringify(args));
    const headers = headersWithArguments(frozen.headers, paramsOf(frozen.text), paramsOf(text), saidBy(args));
    return typeof headers === 'string' ? headers : frozenBytes({ ...frozen, text, headers });
  },
};

/** Tells whether some argument says what a header's value says. Reads the arguments once, however many headers there are. */
function saidBy(args: JsonObject): (header: string) => boolean {
  let said: ReadonlySet<string> | null = null;
  return (header) => {
    said ??= new Set(saidIn(args));
    const text = headerText(header) ?? header;
    const number = numberText(text);
    return said.has(`text ${text}`) || (number !== null && said.has(`number ${number}`));
  };
}

function* saidIn(args: JsonObject): Generator<string> {
  const rest: Json[] = [args];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'object') for (const inner of Object.values(next ?? {})) rest.push(inner as Json);
    else {
      yield `text ${String(next)}`;
      if (typeof next === 'number') yield `number ${decimal(next)}`;
    }
  }
}
