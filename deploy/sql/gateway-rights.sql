-- What the running gateway may do, and nothing else. Run it as holdfast_owner after every `holdfast migrate`; it may be run
-- again at any time, also while gateways run:
--   psql postgres://holdfast_owner:…@host/holdfast -v ON_ERROR_STOP=1 -f deploy/sql/gateway-rights.sql
--
-- holdfast_gateway cannot create, change or drop anything of the schema. It adds events and decisions and can neither
-- change nor delete them, but for events that a signed cut names; of an event it writes the place in the chain and the hash, once. What an approval was opened
-- with is frozen while anything can come of it; afterwards it can be erased. A table that is not named here cannot be used at all.
begin;

revoke all on all tables in schema holdfast from holdfast_gateway;
grant usage on schema holdfast to holdfast_gateway;

-- The log: what was said stays.
grant select, insert on holdfast.events to holdfast_gateway;
grant update (seq, hash) on holdfast.events to holdfast_gateway;
grant select, insert on
  holdfast.phrases, holdfast.checkpoints, holdfast.links, holdfast.decisions, holdfast.card_contents, holdfast.revocations,
  holdfast.epoch, holdfast.person_emails
to holdfast_gateway;
-- The record of when seals began is sealed anew when HOLDFAST_SECRET is rotated. The log's id stays: where an operator accepts
-- a store whose record names another log, `store accept` asks for "delete from holdfast.epoch" by the owner first.
grant update (seal, head, at) on holdfast.epoch to holdfast_gateway;

-- What audit.retain says may leave the database: only by this function, and only what an event of the log names that is in the
-- chain and under a checkpoint. Without audit.retain the gateway never calls it: leave the grant out, and nothing can be deleted.
grant execute on function holdfast.cut_events(bigint, bigint, bigint, integer) to holdfast_gateway;
-- The same for ended approvals (approvals.retain): only by this function, older than a week, and nothing that still matters.
grant execute on function holdfast.remove_approvals(text[], timestamptz) to holdfast_gateway;

-- A vote may be changed from yes to no while the approval is pending, or signed anew where its passkey is gone. A freeze is set and lifted, never changed or deleted,
-- but sealed anew when HOLDFAST_SECRET is rotated; setting one locks the table, which takes the right to update it.
grant update (choice, reason, via, self, user_group, person, rights, signature, offers, counter, at, seal) on holdfast.decisions to holdfast_gateway;
grant select, insert, update on holdfast.freezes to holdfast_gateway;
-- What was given in advance is used and ended, never deleted.
grant select, insert on holdfast.allowances, holdfast.denials, holdfast.counter_proposals to holdfast_gateway;
grant update (used, ended_at, ended_why, ended_by, seal) on holdfast.allowances to holdfast_gateway;
grant update (ended_at, ended_why, ended_by, seal) on holdfast.denials to holdfast_gateway;
grant update (ended_at, seal) on holdfast.counter_proposals to holdfast_gateway;

-- Approvals: opened once, and deleted by remove_approvals alone; only what their life changes can be changed.
grant select, insert on holdfast.approvals to holdfast_gateway;
grant update (
  state, revision, updated_at, pickup_until, lease_until, dispatcher, reminded_at, escalated_at, awaits, note, questions,
  answers, later_reasons, request, result, result_until, shown, state_revision, state_seal, reasons_seal,
  facts, particulars
) on holdfast.approvals to holdfast_gateway;

-- Where an operator accepts a record that somebody changed, it loses its seals, and nothing runs on it again.
grant update (frozen_seal, shown_digest) on holdfast.approvals to holdfast_gateway;
-- How often the store was accepted, and the heads of sets of rows that matter by being there.
grant select, insert on holdfast.acceptances to holdfast_gateway;
grant select, insert, update on holdfast.sealed_sets to holdfast_gateway;
grant update (seal) on holdfast.revocations, holdfast.person_emails to holdfast_gateway;

-- What was shown of a call that is over is erased where an operator says so: from its row, the cards that were kept, and by destroying
-- its key. Triggers below refuse all of it but of that call, in the transaction of its erasure. Without audit.erasable the three lines may be left out.
grant update (arguments, sent, trace, stated_reason, asked, counter_of) on holdfast.approvals to holdfast_gateway;
grant delete on holdfast.card_contents to holdfast_gateway;
grant select, insert on holdfast.erasable_keys to holdfast_gateway;
grant update (key, erased, secret) on holdfast.erasable_keys to holdfast_gateway;

-- The texts of policies that were in force: never changed.
grant select, insert on holdfast.policy_texts to holdfast_gateway;

-- Callers: never deleted.
grant select, insert, update on holdfast.joiners, holdfast.asked_requests to holdfast_gateway;

-- What is summed up of questions and decisions.
grant select, insert, update on holdfast.oversight_sums, holdfast.oversight_cursor to holdfast_gateway;

-- What is forgotten in time.
grant select, insert, update, delete on
  holdfast.cards, holdfast.continuations, holdfast.counters, holdfast.given_reasons, holdfast.quota_parts, holdfast.issued_states, holdfast.logins, holdfast.memories, holdfast.notices, holdfast.openings, holdfast.plain_requests, holdfast.samples,
  holdfast.pursuits, holdfast.questions, holdfast.replicas, holdfast.sessions, holdfast.sinks, holdfast.snoozes, holdfast.tasks,
  holdfast.api_tokens, holdfast.person_keys, holdfast.person_logins, holdfast.signing_nonces
to holdfast_gateway;

-- So that the start can tell which release made the schema.
grant select on holdfast.kysely_migration to holdfast_gateway;

-- An event's place and hash are written once, and a call's kept bytes are dropped only when the call is over.
create or replace function holdfast.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'holdfast: % of % is frozen', tg_argv[0], tg_table_name using errcode = 'insufficient_privilege';
end
$$;
create or replace trigger frozen_place before update of seq, hash on holdfast.events for each row
  when (current_user = 'holdfast_gateway' and old.seq is not null and (old.seq, old.hash) is distinct from (new.seq, new.hash))
  execute function holdfast.refuse_change('the place in the chain');
create or replace trigger frozen_request before update of request on holdfast.approvals for each row
  when (current_user = 'holdfast_gateway' and old.request is distinct from new.request
    and (new.request is not null or new.state in ('pending', 'approved', 'dispatched')))
  execute function holdfast.refuse_change('the request');

-- Whoever erases a call destroys its key in the same transaction, which leaves a record. Nothing of it can be sent any more.
create or replace function holdfast.refuse_unless_erasing() returns trigger language plpgsql as $$
begin
  if new.state in ('pending', 'approved', 'dispatched') or new.request is not null or new.result is not null
    or not exists (select 1 from holdfast.erasable_keys k
      where k.approval_id = new.id and k.erased is not null and k.xmin = pg_current_xact_id()::xid) then
    raise exception 'holdfast: % of % is frozen', tg_argv[0], tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
-- What its cards showed: also what the one message showed that tells it together with others.
create or replace function holdfast.refuse_unless_shown_of_erased() returns trigger language plpgsql as $$
begin
  if tg_level = 'STATEMENT' then
    if not exists (select 1 from holdfast.erasable_keys k where k.erased is not null and k.xmin = pg_current_xact_id()::xid) then
      raise exception 'holdfast: % of % is frozen', tg_argv[0], tg_table_name using errcode = 'insufficient_privilege';
    end if;
    return null;
  end if;
  if not exists (select 1 from holdfast.erasable_keys k
    left join holdfast.cards o on o.approval_id = k.approval_id and starts_with(o.digest, 'digest:')
    left join holdfast.cards c on c.approval_id = old.approval_id
    where k.erased is not null and k.xmin = pg_current_xact_id()::xid and (k.approval_id = old.approval_id
      or starts_with(c.digest, 'digest:' || split_part(o.digest, ':', 2) || ':'))) then
    raise exception 'holdfast: % of % is frozen', tg_argv[0], tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return old;
end
$$;
drop trigger if exists frozen_cards on holdfast.card_contents;
create trigger frozen_cards before delete on holdfast.card_contents for each statement
  when (current_user = 'holdfast_gateway') execute function holdfast.refuse_unless_shown_of_erased('what was shown');
create or replace trigger frozen_shown before delete on holdfast.card_contents for each row
  when (current_user = 'holdfast_gateway') execute function holdfast.refuse_unless_shown_of_erased('what was shown');
create or replace trigger frozen_call before update of arguments, sent, trace, stated_reason, asked, counter_of on holdfast.approvals
  for each row when (current_user = 'holdfast_gateway') execute function holdfast.refuse_unless_erasing('the call');
create or replace trigger frozen_seals before update of frozen_seal, shown_digest on holdfast.approvals for each row
  when (current_user = 'holdfast_gateway'
    and ((new.frozen_seal is not null and new.frozen_seal is distinct from old.frozen_seal)
      or (new.shown_digest is not null and new.shown_digest is distinct from old.shown_digest)))
  execute function holdfast.refuse_unless_erasing('the seal of what is frozen');
create or replace trigger frozen_vote before update on holdfast.decisions for each row
  when (current_user = 'holdfast_gateway' and not (old.choice = 'approve' and (new.choice = 'deny'
    or (new.choice = 'approve' and old.signature is not null and new.signature is not null
      and new.signature is distinct from old.signature))))
  execute function holdfast.refuse_change('the vote');
create or replace trigger frozen_freeze before update on holdfast.freezes for each row
  when (current_user = 'holdfast_gateway' and (old.lifted_at is not null
    or (new.lifted_at is null and old.seal is not distinct from new.seal)
    or (old.id, old.scope, old.reason, old."by", old.since) is distinct from (new.id, new.scope, new.reason, new."by", new.since)
    or old.name is distinct from new.name))
  execute function holdfast.refuse_change('the freeze');

-- The queue, where there is no Redis. It carries approvals' ids, and what it loses is found again from the tables above.
do $$
begin
  if to_regnamespace('bullmq') is not null then
    grant usage on schema bullmq to holdfast_gateway;
    grant select, insert, update, delete on all tables in schema bullmq to holdfast_gateway;
    grant usage, select, update on all sequences in schema bullmq to holdfast_gateway;
    if to_regclass('bullmq.migration') is not null then
      revoke insert, update, delete on bullmq.migration from holdfast_gateway;
    end if;
  end if;
end
$$;

commit;
