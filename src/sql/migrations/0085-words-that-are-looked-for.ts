/**
 * The words of the ordinary events of one gated call are what people look for. Times, digests, signatures, durations and the
 * ids of the call and its callers are left out of the six that follow the request: each took its own place in the index of
 * words, which was the largest part of what a call cost. A call is still found by its id and its fingerprint, through its
 * request, which keeps both. Older events keep the words that they have. The index over the column `approval_id` goes:
 * `events_about` answers the same by the texts. Nothing is rewritten and no index is built, so it takes no time.
 */
export const MIGRATION_0085: readonly string[] = [
  `create or replace function holdfast.words(body text) returns tsvector
    language plpgsql immutable strict parallel safe cost 400 as $$
    declare
      event jsonb;
    begin
      if right(body, 22) = '"type":"call.allowed"}' and strpos(body, '\\u') = 0 then
        event := body::jsonb;
        return to_tsvector('pg_catalog.simple', concat_ws(' ', event->>'type', event->>'server', event->>'tool',
          event->>'grant', event->'data'->>'rule', event->'data'->>'decidedBy', event->'data'->>'session'));
      end if;
      if right(body, 40) ~ '"type":"(resource[.]read|prompt[.]got|method[.](relayed|denied))"}$' then
        return to_tsvector('pg_catalog.simple', left(body, 60000)) ||
          to_tsvector('pg_catalog.simple', translate(left(body, 60000), '/:?#&=%', '       '));
      end if;
      -- Inside a string of a canonical text every quote has a backslash before it, so these can only be members.
      if octet_length(body) < 20000 and right(body, 40) ~ '"type":"(approval[.](decided|changed|collected)|call[.](dispatched|succeeded|failed)|card[.](posted|updated))"}$' then
        return to_tsvector('pg_catalog.simple', regexp_replace(left(body, 100000),
          '"(approval|at|authenticatorData|clientData|digest|fingerprint|frozen|joiner|nonce|signature|upstreamMs|waitedMs)":("[^"\\\\]*"|[0-9]+)',
          '', 'g'));
      end if;
      -- What is long has so many words that one of ours more is nothing, and looking for it takes time.
      if octet_length(body) < 20000 and right(body, 28) = '"type":"approval.requested"}' then
        return to_tsvector('pg_catalog.simple', regexp_replace(regexp_replace(left(body, 100000),
          '^([{]"actor":"[^"\\\\]*","approval":"[^"\\\\]*",)"at":"[^"\\\\]*",', '\\1'),
          '"expiresAt":"[0-9TZ:.-]{24}",("fingerprint":"[0-9a-f]{64}")', '\\1'));
      end if;
      return to_tsvector('pg_catalog.simple', left(body, 100000));
    end $$`,
  'drop index if exists holdfast.events_approval',
];
