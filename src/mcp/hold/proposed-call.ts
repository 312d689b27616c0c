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
    const headers = headersWithArguments(frozen.headers, paramsOf(frozen.text), paramsOf(text), (value) =>
      isIn(args, value),
    );
    return typeof headers === 'string' ? headers : frozenBytes({ ...frozen, text, headers });
  },
};

/** Whether some argument says what this header's value says. */
function isIn(args: JsonObject, header: string): boolean {
  const text = headerText(header) ?? header;
  const number = numberText(text);
  const rest: Json[] = [args];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'object') rest.push(...(Object.values(next ?? {}) as Json[]));
    else if (String(next) === text) return true;
    else if (number !== null && typeof next === 'number' && decimal(next) === number) return true;
  }
  return false;
}
