import type { JsonObject } from '../../domain/json/json.ts';
import type { Redaction } from '../../domain/json/redact.ts';
import { secretName } from '../../domain/json/secret-name.ts';
import { type Bound, boundOf, FEWEST } from '../../domain/replay/bounds.ts';
import type { SeenArgument, ToolUse } from '../../domain/replay/usage.ts';
import { counted } from '../../text/plural.ts';

/** What holds a tool's arguments to what was seen, and what was seen of those that nothing holds. */
export interface SuggestedConditions {
  readonly require: readonly JsonObject[];
  readonly askIf: readonly JsonObject[];
  readonly notes: readonly string[];
}

/** Conditions of one tool, and calls of which the arguments must be known before others are asked about. */
const MOST = 16;
const ENOUGH_TO_ASK = 20;

/**
 * Where the arguments of every call are known, what lies outside is denied (`require`). Where those of a sample are known,
 * a call like the others may lie outside, so a person is asked (`ask_if`), if people can be.
 */
export function conditionsFor(use: ToolUse, mayAsk: boolean, redaction: Redaction): SuggestedConditions {
  const isWhole = use.known === use.calls;
  const [require, askIf, notes]: [JsonObject[], JsonObject[], string[]] = [[], [], []];
  const few = use.known < FEWEST;
  if (few && use.calls > 0)
    notes.push(`the arguments of ${counted(use.known, 'call')} are known, too few to bound any`);
  else if (!isWhole && use.known < ENOUGH_TO_ASK) {
    notes.push(`the arguments of ${use.known} of ${use.calls} calls are known, too few to bound any`);
  }
  for (const found of use.arguments) {
    // What was kept before the policy hid it, or where it hides nothing, is no value for a file that many read.
    const seen = isSecret(found, redaction) ? { ...found, hidden: true } : found;
    const path = pathOf(seen);
    const bound = boundOf(seen);
    if (typeof bound === 'string') {
      if (!seen.kinds.has('object') || seen.hidden) notes.push(`${path}: not bounded, ${bound}`);
      continue;
    }
    if (few || require.length + askIf.length >= MOST) continue;
    const isAlways = seen.present === use.known;
    if (isWhole) require.push(required(path, bound, isAlways));
    else if (mayAsk && use.known >= ENOUGH_TO_ASK) {
      const outside = outsideOf(path, bound, isAlways);
      if (outside !== null) askIf.push(outside);
    }
  }
  if (use.overlooked > 0) notes.push(`${use.overlooked} more arguments were not looked at`);
  return { require, askIf, notes };
}

/** Whether the policy that rules hides this argument, something that it is in or something in it, or a name looks secret. */
function isSecret({ steps }: SeenArgument, { paths }: Redaction): boolean {
  if (steps.some((step) => secretName(step) !== null)) return true;
  return paths.some(
    ({ part, segments }) =>
      part === 'args' && segments.every((segment, n) => n >= steps.length || segment === '*' || segment === steps[n]),
  );
}

function required(path: string, bound: Bound, isAlways: boolean): JsonObject {
  const inside: JsonObject =
    bound.op === 'between'
      ? {
          all: [
            { path, op: 'gte', value: bound.least },
            { path, op: 'lte', value: bound.most },
          ],
        }
      : { path, op: bound.op, value: bound.op === 'in' ? [...bound.value] : bound.value };
  return isAlways ? inside : { any: [{ path, op: 'exists', value: false }, inside] };
}

/** null: no condition says that it lies outside. */
function outsideOf(path: string, bound: Bound, isAlways: boolean): JsonObject | null {
  if (bound.op === 'path_under' || bound.op === 'starts_with') return null;
  const outside: JsonObject =
    bound.op === 'between'
      ? {
          any: [
            { path, op: 'lt', value: bound.least },
            { path, op: 'gt', value: bound.most },
          ],
        }
      : { path, op: 'not_in', value: [...bound.value] };
  return isAlways ? outside : { all: [{ path, op: 'exists', value: true }, outside] };
}

/** `args.role`, `args["dotted.name"]`, `args.tags[*]`. */
function pathOf({ steps, kinds }: SeenArgument): string {
  const named = steps.map((step) =>
    /^[A-Za-z_][\w-]*$/.test(step) ? `.${step}` : `["${step.replace(/["\\]/g, '\\$&')}"]`,
  );
  return `args${named.join('')}${kinds.has('list') ? '[*]' : ''}`;
}
