import type { JsonObject } from '../json/json.ts';
import { type RedactedCopy, type Redaction, redactedCopy } from '../json/redact.ts';
import type { HiddenValues, Sent } from './sent.ts';

/** What is shown of a call: copies of everything that is forwarded, with secret values replaced. */
export interface ShownCall {
  readonly arguments: JsonObject;
  readonly sent: Sent;
  readonly hidden: HiddenValues;
}

/**
 * Hides what a policy hides, in the arguments and in what is forwarded besides them. Paths lead into the arguments
 * (`args.`), the other members of `params` and of `_meta`; headers are hidden by name only.
 */
export function redactCall(call: { readonly args: JsonObject; readonly sent: Sent }, redaction: Redaction): ShownCall {
  const args = redactedCopy(call.args, redaction, 'args');
  const params = redactedCopy(call.sent.params, redaction, 'params');
  const meta = redactedCopy(call.sent.meta, redaction, 'meta');
  const headers = redactedCopy(call.sent.headers, { ...redaction, paths: [] }, 'params');
  return {
    arguments: args.value,
    sent: { params: params.value, meta: meta.value, headers: headers.value },
    hidden: hiddenIn([args, params, meta, headers]),
  };
}

function hiddenIn(copies: readonly RedactedCopy[]): HiddenValues {
  return {
    byPolicy: copies.reduce((sum, { byPolicy }) => sum + byPolicy, 0),
    byName: copies.reduce((sum, { byName }) => sum + byName, 0),
  };
}
