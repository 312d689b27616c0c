import { type Json, type JsonObject, member } from '../../domain/json/json.ts';

/** Why a call to Slack failed, as far as that can be known. */
export interface SlackFailure {
  /** Slack's own code (`channel_not_found`, `ratelimited`), or `no_answer`, `not_reached`, `http_503`. */
  readonly code: string;
  /** Whether the same call may work later. */
  readonly retryable: boolean;
  /** Milliseconds to wait before the next try. */
  readonly afterMs: number;
  /** The call may have taken effect although no answer came. */
  readonly ambiguous: boolean;
  /** What Slack says of what it was sent, such as `/blocks/0/text: too long`. */
  readonly details?: readonly string[];
}

export type SlackAnswer =
  | {
      readonly ok: true;
      readonly body: JsonObject;
      /** From `x-oauth-scopes`; null if Slack did not say. */
      readonly scopes: readonly string[] | null;
    }
  | { readonly ok: false; readonly failure: SlackFailure };

/**
 * Slack's Web API as this door uses it: one try, at most 5 s, refusals as values. It never retries, because Slack has no
 * idempotency key: a caller who tries again must consider what the first call may have done.
 */
export interface SlackApi {
  call(method: string, args: JsonObject): Promise<SlackAnswer>;
}

/** A channel that takes nothing until somebody mends it. */
const UNWELCOME = new Set([
  'channel_not_found',
  'not_in_channel',
  'is_archived',
  'channel_is_archived',
  'is_inactive',
  'restricted_action',
  'restricted_action_read_only_channel',
  'restricted_action_thread_only_channel',
  'restricted_action_non_threadable_channel',
  'team_access_not_granted',
]);

/** A message that a person or a retention rule deleted, or that nobody can change any more. */
const GONE = new Set(['message_not_found', 'cant_update_message', 'edit_window_closed']);

/** Whether the channel has to be mended first. */
export function isUnwelcome(code: string): boolean {
  return UNWELCOME.has(code);
}

/** Whether the message cannot be brought up to date any more. */
export function isMessageGone(code: string): boolean {
  return GONE.has(code);
}

/** Errors that will not go away by themselves within an approval's lifetime. */
const LASTING = new Set([
  ...UNWELCOME,
  ...GONE,
  'thread_not_found',
  'cannot_reply_to_message',
  'user_not_found',
  'user_not_visible',
  'user_not_in_channel',
  'cannot_dm_bot',
  'no_such_subteam',
  'subteam_not_found',
  'plan_upgrade_required',
  'invalid_blocks',
  'invalid_blocks_format',
  'msg_blocks_too_long',
  'msg_too_long',
  'no_text',
  'invalid_arguments',
  'metadata_too_large',
  'invalid_metadata_format',
  'invalid_metadata_schema',
  'expired_trigger_id',
  'trigger_expired',
  'trigger_exchanged',
  'exchanged_trigger_id',
  'invalid_trigger_id',
  'hash_conflict',
  'not_found',
  'view_too_large',
]);

/** Errors that an operator has to repair; the card should appear once that is done. */
const UNTIL_REPAIRED = new Set([
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
  'no_permission',
  'org_login_required',
  'ekm_access_denied',
  'access_denied',
]);

/** After these errors, Slack documents, the call may have taken effect in part. */
const MAYBE_DONE = new Set(['fatal_error', 'internal_error', 'service_unavailable', 'request_timeout']);

/** Details of a refusal that are kept. */
const MOST_DETAILS = 10;

/** Slack's own details of a refusal, from wherever the method puts them. */
export function detailsIn(body: unknown): readonly string[] {
  const errors = member(body as Json, 'errors');
  const messages = member(member(body as Json, 'response_metadata'), 'messages');
  const words = (one: unknown): string => {
    if (typeof one === 'string') return one;
    const [pointer, message] = ['pointer', 'message'].map((name) => member(one as Json, name));
    return `${typeof pointer === 'string' ? `${pointer}: ` : ''}${typeof message === 'string' ? message : JSON.stringify(one)}`;
  };
  const all = Array.isArray(errors) ? errors : Array.isArray(messages) ? messages : [];
  return all.slice(0, MOST_DETAILS).map(words);
}

/** What an answer with `ok: false` means for us. */
export function platformFailure(code: string): SlackFailure {
  if (LASTING.has(code)) return { code, retryable: false, afterMs: 0, ambiguous: false };
  if (UNTIL_REPAIRED.has(code)) return { code, retryable: true, afterMs: 30_000, ambiguous: false };
  return { code, retryable: true, afterMs: 5_000, ambiguous: MAYBE_DONE.has(code) };
}
