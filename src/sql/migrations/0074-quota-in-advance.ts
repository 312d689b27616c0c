/**
 * Taking parts of windows, looking at them, giving them back, calling them back. Counters are locked in the order of their
 * keys, as everywhere. A part is at most an eighth of what is left, so that parts shrink towards the end; for 30 s after a
 * counter's parts were called back none is given.
 */
export const MIGRATION_0074: readonly string[] = [
  `create function holdfast.take_parts(part_holder text, lease_ms double precision, requests json)
    returns table (part text, granted bigint, starts timestamptz, left_ms double precision) language plpgsql as $$
    declare
      now_at timestamptz := clock_timestamp();
      wanted record;
      had record;
      counted int;
    begin
      for wanted in
        select r.id, r.key, r.width, r.max, r.ask
        from json_to_recordset(requests) as r(id text, key text, width text, max numeric, ask bigint) order by r.key, r.id
      loop
        part := wanted.id;
        starts := holdfast.window_start(wanted.width, now_at);
        had := null;
        insert into holdfast.counters as c (key, window_start, window_end, used)
        values (wanted.key, starts, holdfast.window_end(wanted.width, starts), 0)
        on conflict (key, window_start) do update set used = c.used
        returning c.used, c.window_end, c.recalls, c.recalled_at into had;
        if had.used is null then
          raise exception 'holdfast took % of % counters', 0, 1;
        end if;
        granted := greatest(0, least(wanted.ask, floor((wanted.max - had.used) / 8)));
        if had.recalled_at > clock_timestamp() - interval '30 seconds' then
          granted := 0;
        end if;
        if granted > 0 then
          update holdfast.counters c set used = c.used + granted where c.key = wanted.key and c.window_start = starts;
          get diagnostics counted = row_count;
          if counted <> 1 then
            raise exception 'holdfast took % of % counters', counted, 1;
          end if;
          insert into holdfast.quota_parts (id, holder, key, window_start, size, recalls, until)
          values (wanted.id, part_holder, wanted.key, starts, granted, had.recalls,
            clock_timestamp() + make_interval(secs => lease_ms / 1000));
          get diagnostics counted = row_count;
          if counted <> 1 then
            raise exception 'holdfast took % of % quota_parts', counted, 1;
          end if;
        end if;
        left_ms := extract(epoch from had.window_end - clock_timestamp()) * 1000;
        return next;
      end loop;
    end
  $$`,
  // A lease that has run out is not renewed: whoever waited for the part was told that it will not come.
  `create function holdfast.look_at_parts(part_holder text, ids json, lease_ms double precision)
    returns table (part text, alive boolean, recalled boolean) language plpgsql as $$
    begin
      if lease_ms is not null then
        update holdfast.quota_parts p set until = clock_timestamp() + make_interval(secs => lease_ms / 1000)
        from json_array_elements_text(ids) as i(id)
        where p.id = i.id and p.holder = part_holder and p.until > clock_timestamp();
      end if;
      return query
        select p.id, p.until > clock_timestamp(), c.recalls is distinct from p.recalls
        from json_array_elements_text(ids) as i(id) join holdfast.quota_parts p on p.id = i.id and p.holder = part_holder
        left join holdfast.counters c on c.key = p.key and c.window_start = p.window_start;
    end
  $$`,
  `create function holdfast.give_back_parts(part_holder text, parts json) returns int language plpgsql as $$
    declare
      given record;
      ended int := 0;
    begin
      for given in
        with gone as (
          delete from holdfast.quota_parts p using json_to_recordset(parts) as g(id text, remains bigint)
          where p.id = g.id and p.holder = part_holder
          returning p.key, p.window_start, greatest(0, least(p.size, g.remains)) as remains
        )
        select gone.key, gone.window_start, sum(gone.remains) as remains, count(*)::int as parts
        from gone group by 1, 2 order by 1, 2
      loop
        ended := ended + given.parts;
        update holdfast.counters c set used = c.used - given.remains
        where given.remains > 0 and c.key = given.key and c.window_start = given.window_start
          and c.window_end > clock_timestamp() and c.used >= given.remains;
      end loop;
      return ended;
    end
  $$`,
  // With the counter locked, so that every part that was taken before is seen and every later one knows of this.
  `create function holdfast.call_back_parts(part_holder text, counter_key text, width text) returns int language plpgsql as $$
    declare
      starts timestamptz := holdfast.window_start(width, clock_timestamp());
      others int;
    begin
      perform 1 from holdfast.counters c where c.key = counter_key and c.window_start = starts for update;
      select count(*)::int into others from holdfast.quota_parts p
      where p.key = counter_key and p.window_start = starts and p.holder <> part_holder and p.until > clock_timestamp();
      if others > 0 then
        update holdfast.counters c set recalls = c.recalls + 1, recalled_at = clock_timestamp()
        where c.key = counter_key and c.window_start = starts;
      end if;
      return others;
    end
  $$`,
];
