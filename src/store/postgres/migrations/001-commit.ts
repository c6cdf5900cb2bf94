/**
 * A commit as one function of the database: one call, one round trip, one transaction, whatever is in it, also through a pooler that gives each transaction
 * another session. It holds the row of `state` from its start, so that nobody can take the queue over in the middle of it.
 *
 * The plans are pinned to nested loops over the primary key: on a table without statistics the planner would read all of it for a list of some thousand
 * numbers (measured: claims ten times slower until the first ANALYZE).
 *
 * Errors: MR001 another server has taken the queue over.
 */
export function commitFunction(schema: string): string {
  return `
    create function ${schema}.commit(
      p_epoch bigint, p_commit bigint, p_now double precision,
      t_n bigint[], t_state smallint[], t_grp bigint[], t_rank double precision[], t_task text[], t_input text[], t_input_bytes bytea[],
      t_attributes text[], t_attempts integer[], t_losses integer[], t_ready_at double precision[], t_key text[], t_user_id text[], t_lane text[],
      c_n bigint[], c_facts text[],
      g_id bigint[], g_facts text[], g_over bigint[],
      m_n bigint[], m_state smallint[], m_grp bigint[], m_rank double precision[], m_attempts integer[], m_losses integer[], m_ready_at double precision[],
      a_n bigint[], a_outcome smallint[], a_ending text[], a_output text[], a_output_bytes bytea[],
      e_n bigint[], e_outcome smallint[], e_ending text[], e_output text[], e_output_bytes bytea[], e_runs bigint[],
      r_n bigint[], r_state smallint[], r_grp bigint[], r_rank double precision[], r_attempts integer[], r_losses integer[], r_ready_at double precision[], r_forget boolean[],
      h_n bigint[], h_attributes text[], x_n bigint[],
      s_id text[], s_sequence bigint[], s_receipts text[], s_seen_at double precision[], s_open boolean[], s_departed text[],
      p_counts text, p_next_task bigint
    ) returns integer language plpgsql
    set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set jit = off set plan_cache_mode = force_generic_plan
    as $commit$
    declare
      v_commits bigint; v_recorded integer; v_ended bigint; v_runs bigint[] := e_runs; v_places bigint[]; v_numbers bigint[]; v_stale bigint := 0; v_count bigint;
    begin
      select s.commits, s.recorded, s.ended into v_commits, v_recorded, v_ended from ${schema}.state s where s.epoch = p_epoch and s.held for update;
      if not found then raise exception 'another server has taken the queue over' using errcode = 'MR001'; end if;
      -- It was made before, and its answer was lost.
      if v_commits >= p_commit then return v_recorded; end if;
      if t_n <> '{}' then
        insert into ${schema}.task (n, state, grp, rank, task, input, input_bytes, attributes, attempts, losses, ready_at, key, user_id, lane)
        select * from unnest(t_n, t_state, t_grp, t_rank, t_task, t_input, t_input_bytes, t_attributes, t_attempts, t_losses, t_ready_at, t_key, t_user_id, t_lane);
      end if;
      if c_n <> '{}' then
        insert into ${schema}.client (n, facts) select * from unnest(c_n, c_facts) on conflict (n) do update set facts = excluded.facts;
      end if;
      if g_id <> '{}' then
        insert into ${schema}.grants (id, facts) select * from unnest(g_id, g_facts) on conflict (id) do update set facts = excluded.facts;
      end if;
      if g_over <> '{}' then delete from ${schema}.grants where id = any(g_over); end if;
      if m_n <> '{}' then
        update ${schema}.task t set state = m.state, grp = m.grp, rank = m.rank, attempts = m.attempts, losses = m.losses, ready_at = m.ready_at
        from unnest(m_n, m_state, m_grp, m_rank, m_attempts, m_losses, m_ready_at) m (n, state, grp, rank, attempts, losses, ready_at)
        where t.n = m.n and t.state <> 4;
      end if;
      if a_n <> '{}' then
        insert into ${schema}.attempt (n, outcome, ending, output, output_bytes) select * from unnest(a_n, a_outcome, a_ending, a_output, a_output_bytes);
      end if;
      v_recorded := 0;
      if e_n <> '{}' then
        with recorded as (
          update ${schema}.task t set state = 4, outcome = e.outcome, ending = e.ending, output = e.output, output_bytes = e.output_bytes
          from unnest(e_n, e_outcome, e_ending, e_output, e_output_bytes) with ordinality e (n, outcome, ending, output, output_bytes, place)
          where t.n = e.n and t.state <> 4 returning e.place, t.n
        ) select count(*), case when count(*) < cardinality(e_n) then array_agg(n order by place) end into v_recorded, v_numbers from recorded;
        -- Some were done already, or never there: the record has the others, each as a run of its own.
        if v_recorded < cardinality(e_n) then
          select coalesce(array_agg(n order by place), '{}') into v_runs from (
            select n, place from unnest(v_numbers) with ordinality o (n, place) union all select n, place from unnest(v_numbers) with ordinality o (n, place)
          ) twice;
        end if;
        if v_recorded > 0 then
          insert into ${schema}.completion (ordinal, count, tasks, ended_at) values (v_ended + 1, v_recorded, v_runs, p_now)
          on conflict (ordinal) do update set count = excluded.count, tasks = excluded.tasks, ended_at = excluded.ended_at where completion.count = 0;
          v_ended := v_ended + v_recorded;
        end if;
      end if;
      if r_n <> '{}' then
        select array_agg(first.place), array_agg(first.n) into v_places, v_numbers from (
          select distinct on (r.n) r.n, r.place from unnest(r_n) with ordinality r (n, place) order by r.n, r.place
        ) first join ${schema}.task t on t.n = first.n where t.state = 4;
        if v_numbers is not null then
          insert into ${schema}.attempt (n, outcome, ending, output, output_bytes)
          select t.n, t.outcome, t.ending, t.output, t.output_bytes from unnest(v_places) p (place) join ${schema}.task t on t.n = r_n[p.place] where not r_forget[p.place];
          delete from ${schema}.attempt a using unnest(v_places) p (place) where a.n = r_n[p.place] and r_forget[p.place];
          insert into ${schema}.reopened (n, before) select n, v_ended from unnest(v_numbers) n on conflict (n) do update set before = excluded.before;
          update ${schema}.task t set state = r_state[p.place], grp = r_grp[p.place], rank = r_rank[p.place], attempts = r_attempts[p.place],
            losses = r_losses[p.place], ready_at = r_ready_at[p.place], outcome = 0, ending = null, output = null, output_bytes = null
          from unnest(v_places) p (place) where t.n = r_n[p.place];
          v_stale := cardinality(v_numbers);
        end if;
      end if;
      if h_n <> '{}' then
        update ${schema}.task t set attributes = h.attributes from unnest(h_n, h_attributes) h (n, attributes) where t.n = h.n;
      end if;
      if x_n <> '{}' then
        select count(*) into v_count from ${schema}.task where n = any(x_n) and state = 4;
        v_stale := v_stale + v_count;
        delete from ${schema}.task where n = any(x_n);
        delete from ${schema}.attempt where n = any(x_n);
        delete from ${schema}.reopened where n = any(x_n);
      end if;
      if s_id <> '{}' then
        insert into ${schema}.submitter (id, sequence, receipts, seen_at, open) select * from unnest(s_id, s_sequence, s_receipts, s_seen_at, s_open)
        on conflict (id) do update set sequence = excluded.sequence, receipts = excluded.receipts, seen_at = excluded.seen_at, open = excluded.open;
      end if;
      if s_departed <> '{}' then delete from ${schema}.submitter where id = any(s_departed); end if;
      update ${schema}.state set commits = p_commit, recorded = v_recorded, ended = v_ended, stale = stale + v_stale, next_task = coalesce(p_next_task, next_task),
        counts = coalesce(p_counts, counts), seen_at = clock_timestamp();
      return v_recorded;
    end
    $commit$;
  `;
}
