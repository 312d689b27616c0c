import { decimal } from '../json/decimal.ts';
import type { Json, JsonObject } from '../json/json.ts';
import { REDACTED, type RedactedCopy, type Redaction, redactedCopy, redactedCopySteps } from '../json/redact.ts';
import { headerText, numberText } from './header-value.ts';
import type { HiddenValues, Sent } from './sent.ts';

/** What is shown of a call: copies of everything that is forwarded, with secret values replaced. */
export interface ShownCall {
  readonly arguments: JsonObject;
  readonly sent: Sent;
  readonly hidden: HiddenValues;
}

/**
 * Hides what a policy hides, in the arguments and in what is forwarded besides them. Paths lead into the arguments
 * (`args.`), the other members of `params` and of `_meta`; headers are hidden by name, and where they repeat a hidden
 * argument.
 */
export function redactCall(call: { readonly args: JsonObject; readonly sent: Sent }, redaction: Redaction): ShownCall {
  const steps = redactCallSteps(call, redaction);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same step by step: yields whenever some thousand values have been copied. */
export function* redactCallSteps(
  call: { readonly args: JsonObject; readonly sent: Sent },
  redaction: Redaction,
): Generator<void, ShownCall> {
  const args = yield* redactedCopySteps(call.args, redaction, 'args');
  const params = yield* redactedCopySteps(call.sent.params, redaction, 'params');
  const meta = yield* redactedCopySteps(call.sent.meta, redaction, 'meta');
  const named = redactedCopy(call.sent.headers, { ...redaction, paths: [] }, 'params');
  const headers = withoutHiddenValues(named, call, redaction);
  return {
    arguments: args.value,
    sent: { params: params.value, meta: meta.value, headers: headers.value },
    hidden: hiddenIn([args, params, meta, headers]),
  };
}

/**
 * A header may repeat a hidden argument under another name (2026-07-28, `x-mcp-header`); then its value is hidden too.
 * The policy did not declare that, and the caller chose the name, so it counts as hidden by name.
 */
function withoutHiddenValues(
  copy: RedactedCopy<JsonObject>,
  { args }: { readonly args: JsonObject },
  redaction: Redaction,
): RedactedCopy<JsonObject> {
  const names = Object.keys(copy.value);
  if (names.length === 0) return copy;
  const [sent, shown] = [textsIn(args), textsIn(redactedCopy(args, redaction, 'args').value)];
  const value: Record<string, Json> = { ...copy.value };
  let { byName } = copy;
  for (const name of names) {
    const said = readingsOf(String(copy.value[name]));
    const isIn = (texts: ReadonlySet<string>): boolean => said.some((text) => texts.has(text));
    if (!isIn(sent) || isIn(shown)) continue;
    value[name] = REDACTED;
    byName += 1;
  }
  return { ...copy, value, byName };
}

/** Every single value as a header may spell it. */
function textsIn(value: Json): Set<string> {
  const texts = new Set<string>();
  const rest: Json[] = [value];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next !== 'object') texts.add((typeof next === 'number' ? decimal(next) : null) ?? String(next));
    else if (next !== null) for (const inner of Object.values(next)) rest.push(inner as Json);
  }
  return texts;
}

/** What a header may say: its text, and the number that this is, however it is written. */
function readingsOf(value: string): readonly string[] {
  const text = headerText(value) ?? value;
  const number = numberText(text);
  return number === null ? [text] : [text, number];
}

function hiddenIn(copies: readonly RedactedCopy[]): HiddenValues {
  return {
    byPolicy: copies.reduce((sum, { byPolicy }) => sum + byPolicy, 0),
    byName: copies.reduce((sum, { byName }) => sum + byName, 0),
  };
}
