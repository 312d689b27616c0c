import type { Call, Principal } from '../../domain/call/call.ts';
import { ALL_EXACT, type InexactValues, MOST_INEXACT } from '../../domain/call/inexact.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { PathRoot } from '../../domain/policy/path.ts';
import type { InexactPlace } from '../document/reading.ts';

/** A call that is not made, in the parts by which paths of a policy name them. */
export interface ImaginedParts {
  readonly principal: Principal;
  readonly server: string;
  readonly tool: string;
  readonly args: JsonObject;
  /** Members of `params` beside `name`, `arguments` and `_meta`. */
  readonly params: JsonObject;
  /** Members of `_meta`. */
  readonly meta: JsonObject;
}

/** The call that an agent would make of these parts, in no session. */
export function imaginedCall({ principal, server, tool, args, params, meta }: ImaginedParts): Call {
  const whole = { ...params, name: tool, arguments: args, _meta: meta };
  return { principal, server, tool, args, session: null, params: whole };
}

const WHERE: Readonly<Record<PathRoot, readonly string[]>> = {
  args: ['params', 'arguments'],
  params: ['params'],
  meta: ['params', '_meta'],
};

/** The values of an imagined call that are not exactly what is written. A place's path begins below its part. */
export function imaginedInexact(found: readonly (InexactPlace & { readonly part: PathRoot })[]): InexactValues {
  if (found.length === 0) return ALL_EXACT;
  const list = found.slice(0, MOST_INEXACT).map(({ part, path, written }) => {
    const steps = [...WHERE[part], ...path.map(String)];
    const pointer = steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    return { kind: written === null ? ('text' as const) : ('number' as const), pointer, steps };
  });
  return { list, more: found.length > MOST_INEXACT };
}
