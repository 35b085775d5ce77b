"""What the database itself insists on when parts of the log go: the floor, holds, what was declared. The SQL, applied by a migration."""
from __future__ import annotations

RULES = """
CREATE OR REPLACE FUNCTION audit_years(class text) RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN class ~ '^y[1-9][0-9]?$' THEN substr(class, 2)::integer END
$$;

-- A hold on the whole log, on days, or on somebody: on what they did and on what was done to them.
CREATE OR REPLACE FUNCTION audit_pinned(log uuid, number bigint, who uuid, moment timestamptz) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM audit_hold h WHERE h.org = log AND h.released_at IS NULL AND (
    h.kind = 'log'
    OR (h.kind = 'range' AND (moment AT TIME ZONE 'UTC')::date BETWEEN h.first_day AND h.last_day)
    OR (h.kind = 'subject' AND (h.subject = who OR EXISTS (SELECT 1 FROM audit_target t WHERE t.org = log AND t.seq = number AND t.target = h.subject)
                                OR EXISTS (SELECT 1 FROM audit_leaf l JOIN audit_disclosure d ON d.entry = l.entry WHERE l.org = log AND l.seq = number AND d.subject = h.subject)))))
$$;

-- Whether erasing somebody has to wait. A hold on days may be about anybody, so it makes everybody's wait.
CREATE OR REPLACE FUNCTION audit_held(log uuid, who uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM audit_hold h WHERE h.org = log AND h.released_at IS NULL AND (h.kind <> 'subject' OR h.subject = who))
$$;

CREATE OR REPLACE FUNCTION audit_acting() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM audit_opening o WHERE o.id = NULLIF(current_setting('steward.act', true), '')::uuid AND o.xid = pg_current_xact_id()::text)
$$;

-- The parts of the log: class, from, to (of what has no month: one after its last record).
CREATE OR REPLACE FUNCTION audit_months() RETURNS TABLE (part text, class text, lower timestamptz, upper timestamptz, rest boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE row record; bound text; first timestamptz; last timestamptz;
BEGIN
  FOR row IN SELECT c.relname::text AS name, p.relname::text AS parent, pg_get_expr(c.relpartbound, c.oid) AS bound
             FROM pg_inherits r JOIN pg_class p ON p.oid = r.inhparent JOIN pg_inherits i ON i.inhrelid = p.oid AND i.inhparent = 'audit_entry'::regclass
             JOIN pg_class c ON c.oid = r.inhrelid ORDER BY c.relname LOOP
    part := row.name; class := substr(row.parent, length('audit_entry_') + 1); rest := row.bound = 'DEFAULT';
    lower := NULLIF(substring(row.bound from 'FROM \\(''([^'']+)''\\)'), '')::timestamptz;
    upper := substring(row.bound from 'TO \\(''([^'']+)''\\)')::timestamptz;
    IF upper IS NULL OR lower IS NULL THEN
      EXECUTE format('SELECT min(occurred_at), max(occurred_at) + interval ''1 microsecond'' FROM %I', part) INTO first, last;
      CONTINUE WHEN last IS NULL;
      lower := COALESCE(lower, first); upper := COALESCE(upper, last);
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

-- Where the records of a log that lie in this class up to this moment go: NULL when they may be removed.
CREATE OR REPLACE FUNCTION audit_kept_in(log uuid, class text, upper timestamptz) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE agreed integer; years integer;
BEGIN
  SELECT audit_years(retention) INTO agreed FROM audit_policy WHERE org = log;
  IF agreed IS NULL OR NOT EXISTS (SELECT 1 FROM audit_policychange WHERE org = log AND cardinality(agreed_by) >= 2) THEN
    RETURN 'held';  -- nobody has agreed that anything goes
  END IF;
  SELECT greatest(agreed, b.floor_years, audit_years(class)) INTO years FROM audit_bounds b;
  IF class = 'held' THEN  -- what was held has lost its class: the longest that was ever promised holds
    SELECT greatest(years, max(audit_years(retention)), CASE WHEN min(since) > upper THEN 7 END) INTO years FROM audit_policychange WHERE org = log;
  END IF;
  RETURN CASE WHEN upper + make_interval(years => years) <= now() THEN NULL ELSE 'y' || years END;
END $$;

-- What becomes of one record: NULL when it may be removed, else the class that it goes to. What says that something went stays for ever.
CREATE OR REPLACE FUNCTION audit_fate(record uuid, log uuid, moment timestamptz, kept text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN l.seq IS NULL OR l.action IN ('audit.pruned', 'privacy.subject_erased', 'privacy.addresses_erased', 'retention.changed')
    OR audit_pinned(log, l.seq, l.actor, moment) THEN 'held' ELSE kept END
  FROM (SELECT 1) one LEFT JOIN audit_leaf l ON l.entry = record AND l.org = log
$$;

-- Every record of a part with its number and its fate.
CREATE OR REPLACE FUNCTION audit_fates(name text) RETURNS TABLE (org uuid, seq bigint, leaf bytea, fate text) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE m record;
BEGIN
  SELECT * INTO m FROM audit_months() WHERE part = name;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such part of the log' USING ERRCODE = '22023'; END IF;
  RETURN QUERY EXECUTE format(
    'WITH logs AS MATERIALIZED (SELECT o.org, audit_kept_in(o.org, %L, %L) AS kept FROM (SELECT DISTINCT e.org FROM %I e) o)'
    ' SELECT e.org, l.seq, l.leaf_sha256, audit_fate(e.id, e.org, e.occurred_at, logs.kept) FROM %I e JOIN logs ON logs.org = e.org LEFT JOIN audit_leaf l ON l.entry = e.id AND l.org = e.org'
    ' ORDER BY 1, 2', m.class, m.upper, name, name);
END $$;

-- The clock is believed when the schedule has looked at it often enough: after a leap forward or back nothing goes for a week.
CREATE OR REPLACE FUNCTION audit_clock() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE audit_bounds SET trusted_since = CASE WHEN now() - seen_at > interval '40 days' OR seen_at > now() + interval '1 day' THEN now() ELSE trusted_since END, seen_at = now()
  RETURNING trusted_since <= now() - interval '7 days'
$$;
"""

PRUNING = """
-- Keep the hashes of the leaves that fill no tile yet: the tree outlives its leaves.
CREATE OR REPLACE FUNCTION audit_keep_hashes(log uuid) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE tail bigint; have integer; size bigint; hashes bytea;
BEGIN
  SELECT t.size, t.size / 256 INTO size, tail FROM audit_tree t WHERE t.org = log;
  SELECT length(i.hashes) / 32, i.hashes INTO have, hashes FROM audit_tile i WHERE i.org = log AND i.level = 0 AND i.n = tail;
  SELECT COALESCE(hashes, '') || COALESCE(string_agg(l.leaf_sha256, '' ORDER BY l.seq), '') INTO hashes
    FROM audit_leaf l WHERE l.org = log AND l.seq > tail * 256 + COALESCE(have, 0) AND l.seq <= size;
  IF length(hashes) <> (size - tail * 256) * 32 OR (SELECT count(*) FROM audit_tile i WHERE i.org = log AND i.level = 0 AND i.n < tail AND length(i.hashes) = 8192) <> tail THEN
    RAISE EXCEPTION 'the tiles of the log % are not complete', log USING ERRCODE = 'AU004';
  END IF;
  IF size > tail * 256 THEN
    INSERT INTO audit_tile (org, level, n, hashes) VALUES (log, 0, tail, hashes)
    ON CONFLICT (org, level, n) DO UPDATE SET hashes = EXCLUDED.hashes WHERE length(audit_tile.hashes) < length(EXCLUDED.hashes);
  END IF;
END $$;

-- Remove one part of the log: what is declared goes, everything else is copied to where it stays, and the part is dropped. All of it or nothing.
CREATE OR REPLACE FUNCTION audit_prune(name text, logs uuid[], firsts bigint[], lasts bigint[], roots bytea[], entries uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE m record; dest text; gone bigint := 0; declared bigint; log uuid; since date; fresh text;
  columns text := 'id, org, act, occurred_at, record, record_sha256'; qualified text := 'e.id, e.org, e.act, e.occurred_at, e.record, e.record_sha256';
BEGIN
  SELECT * INTO m FROM audit_months() WHERE part = name;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no such part of the log' USING ERRCODE = '22023'; END IF;
  IF m.upper + make_interval(years => (SELECT floor_years FROM audit_bounds)) > now() THEN
    RAISE EXCEPTION '% is younger than the shortest time that anything is kept', name USING ERRCODE = 'AU004';
  END IF;
  IF NOT (SELECT trusted_since <= now() - interval '7 days' FROM audit_bounds) THEN
    RAISE EXCEPTION 'the clock leapt; nothing is removed until it has been steady for a week' USING ERRCODE = 'AU004';
  END IF;
  IF cardinality(logs) > 0 AND NOT audit_acting() THEN
    RAISE EXCEPTION 'no audit entry is open: removing a part of the log refused' USING ERRCODE = 'AU001';
  END IF;
  LOCK TABLE audit_hold, audit_policy, audit_policychange IN SHARE MODE;  -- nobody places a hold between the look and the removal
  SELECT COALESCE(sum(l - f + 1), 0) INTO declared FROM unnest(firsts, lasts) AS r(f, l);
  SELECT count(*) INTO gone FROM audit_fates(name) x JOIN unnest(logs, firsts, lasts) AS r(o, f, l) ON x.org = r.o AND x.seq BETWEEN r.f AND r.l WHERE x.fate IS NULL;
  IF gone <> declared OR gone <> (SELECT count(*) FROM audit_fates(name) x WHERE x.fate IS NULL) THEN
    RAISE EXCEPTION 'what was declared is not what may be removed from %', name USING ERRCODE = 'AU004', HINT = 'A hold or a policy came in between; the next run looks again.';
  END IF;
  IF EXISTS (SELECT 1 FROM unnest(logs, entries) AS r(o, e) WHERE NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.org = r.o AND p.entry = r.e)) THEN
    RAISE EXCEPTION 'a removal has no entry in the log it is about' USING ERRCODE = 'AU004';
  END IF;
  FOR log IN SELECT DISTINCT o FROM unnest(logs) o LOOP
    PERFORM audit_keep_hashes(log);
  END LOOP;
  INSERT INTO audit_pruned (org, first, last, root, entry, at, swept) SELECT o, f, l, r, e, now(), false FROM unnest(logs, firsts, lasts, roots, entries) AS d(o, f, l, r, e);
  since := greatest(m.lower, m.upper - interval '3690 days')::date;
  FOR dest IN SELECT DISTINCT x.fate FROM audit_fates(name) x WHERE x.fate IS NOT NULL AND x.fate <> m.class LOOP
    PERFORM audit_make_partitions(dest, since, (m.upper - interval '1 day')::date);
    EXECUTE format('INSERT INTO %I (%s, retention) SELECT %s, %L FROM %I e JOIN audit_leaf l ON l.entry = e.id AND l.org = e.org'
                   ' JOIN audit_fates(%L) x ON x.org = e.org AND x.seq = l.seq WHERE x.fate = %L', 'audit_entry_' || dest, columns, qualified, dest, name, name, dest);
    EXECUTE format('INSERT INTO %I (%s, retention) SELECT %s, %L FROM %I e WHERE %L = ''held'' AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.entry = e.id AND l.org = e.org)',
                   'audit_entry_' || dest, columns, qualified, dest, name, dest);
  END LOOP;
  IF m.class = 'held' THEN  -- what stays held is written anew beside the old part, and takes its place
    fresh := name || '_new';
    EXECUTE format('CREATE TABLE %I (LIKE audit_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', fresh);
    PERFORM audit_protect_partition(fresh);
    EXECUTE format('INSERT INTO %I (%s, retention) SELECT %s, %L FROM %I e LEFT JOIN audit_leaf l ON l.entry = e.id AND l.org = e.org'
                   ' LEFT JOIN audit_fates(%L) x ON x.org = e.org AND x.seq = l.seq WHERE l.seq IS NULL OR x.fate = %L', fresh, columns, qualified, 'held', name, name, 'held');
    EXECUTE format('CREATE INDEX ON %I (id)', fresh);
  END IF;
  EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', 'audit_entry_' || m.class, name);
  EXECUTE format('DROP TABLE %I', name);
  IF m.class = 'held' THEN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', fresh, name);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s', 'audit_entry_held', name, CASE WHEN m.rest THEN 'DEFAULT' ELSE format('FOR VALUES FROM (%L) TO (%L)', m.lower, m.upper) END);
  ELSIF m.rest THEN
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', name, 'audit_entry_' || m.class);
    PERFORM audit_protect_partition(name);
  END IF;
  RETURN gone;
END $$;

-- What belonged to removed records, in small steps: openings, targets, leaves. The tiles stay.
CREATE OR REPLACE FUNCTION audit_sweep(batch integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE p audit_pruned; numbers bigint[]; records uuid[];
BEGIN
  SELECT * INTO p FROM audit_pruned WHERE NOT swept ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN -1; END IF;
  SELECT array_agg(l.seq), array_agg(l.entry) INTO numbers, records FROM (SELECT seq, entry FROM audit_leaf WHERE org = p.org AND seq BETWEEN p.first AND p.last ORDER BY seq LIMIT batch) l;
  IF numbers IS NULL THEN
    UPDATE audit_pruned SET swept = true WHERE id = p.id;
    RETURN 0;
  END IF;
  PERFORM set_config('steward.erasing', 'removed', true);
  DELETE FROM audit_disclosure WHERE org = p.org AND entry = ANY(records);
  DELETE FROM audit_target WHERE org = p.org AND seq = ANY(numbers);
  DELETE FROM audit_leaf WHERE org = p.org AND seq = ANY(numbers);
  PERFORM set_config('steward.erasing', '', true);
  RETURN cardinality(numbers);
END $$;

CREATE OR REPLACE FUNCTION audit_only_removing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('steward.erasing', true) IS DISTINCT FROM 'removed' THEN
    RAISE EXCEPTION 'the audit log is append-only: % of % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'AU002';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_only_declared() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_pruned p WHERE p.org = OLD.org AND OLD.seq BETWEEN p.first AND p.last) THEN
    RAISE EXCEPTION 'the audit log is append-only: only what was declared as removed goes from %', TG_TABLE_NAME USING ERRCODE = 'AU002';
  END IF;
  RETURN OLD;
END $$;
"""

ERASING = """
CREATE OR REPLACE FUNCTION audit_erase_subject(log uuid, who uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE erased bigint;
BEGIN
  IF NOT audit_acting() THEN
    RAISE EXCEPTION 'no audit entry is open: erasing disclosures refused' USING ERRCODE = 'AU001';
  END IF;
  LOCK TABLE audit_hold IN SHARE MODE;
  IF audit_held(log, who) THEN
    RAISE EXCEPTION 'a hold keeps these disclosures' USING ERRCODE = 'AU005';
  END IF;
  PERFORM set_config('steward.erasing', who::text, true);
  INSERT INTO audit_doomedkey (key) SELECT key FROM audit_subjectkey WHERE org = log AND subject = who ON CONFLICT DO NOTHING;
  DELETE FROM audit_subjectkey WHERE org = log AND subject = who;
  DELETE FROM audit_disclosure WHERE org = log AND subject = who;
  GET DIAGNOSTICS erased = ROW_COUNT;
  PERFORM set_config('steward.erasing', '', true);
  RETURN erased;
END $$;

-- Addresses and programs have a clock of their own, shorter than the log's.
CREATE OR REPLACE FUNCTION audit_erase_addresses(log uuid, after bigint, upto bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE erased bigint; waiting boolean;
BEGIN
  IF EXISTS (SELECT 1 FROM audit_leaf l, audit_bounds b WHERE l.org = log AND l.seq > after AND l.seq <= upto AND l.recorded_at > now() - make_interval(days => b.address_days)) THEN
    RAISE EXCEPTION 'these addresses are younger than they are kept' USING ERRCODE = 'AU004';
  END IF;
  LOCK TABLE audit_hold IN SHARE MODE;
  PERFORM set_config('steward.erasing', 'addresses', true);
  DELETE FROM audit_disclosure d USING audit_leaf l WHERE l.org = log AND l.seq > after AND l.seq <= upto AND d.entry = l.entry AND d.org = log
    AND d.path IN ('context.ip', 'context.user_agent') AND NOT audit_pinned(log, l.seq, l.actor, COALESCE(l.occurred_at, l.recorded_at));
  GET DIAGNOSTICS erased = ROW_COUNT;
  PERFORM set_config('steward.erasing', '', true);
  IF erased > 0 AND NOT audit_acting() THEN
    RAISE EXCEPTION 'no audit entry is open: erasing addresses refused' USING ERRCODE = 'AU001';
  END IF;
  waiting := EXISTS (SELECT 1 FROM audit_leaf l JOIN audit_disclosure d ON d.entry = l.entry WHERE l.org = log AND l.seq > after AND l.seq <= upto AND d.path IN ('context.ip', 'context.user_agent'));
  INSERT INTO audit_swept (org, seq, held) VALUES (log, upto, waiting)
    ON CONFLICT (org) DO UPDATE SET seq = greatest(audit_swept.seq, EXCLUDED.seq), held = CASE WHEN after = 0 THEN EXCLUDED.held ELSE audit_swept.held OR EXCLUDED.held END;
  RETURN erased;
END $$;

CREATE OR REPLACE FUNCTION audit_only_erased() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE erasing text := current_setting('steward.erasing', true);
BEGIN
  IF OLD.subject::text = erasing THEN
    RETURN OLD;
  ELSIF TG_TABLE_NAME = 'audit_disclosure' THEN
    IF erasing = 'addresses' AND to_jsonb(OLD) ->> 'path' IN ('context.ip', 'context.user_agent') THEN
      RETURN OLD;
    ELSIF erasing = 'removed' AND EXISTS (SELECT 1 FROM audit_leaf l JOIN audit_pruned p ON p.org = l.org AND l.seq BETWEEN p.first AND p.last WHERE l.entry = (to_jsonb(OLD) ->> 'entry')::uuid) THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'disclosures go only through audit_erase_subject()' USING ERRCODE = 'AU002';
END $$;
"""

TRIGGERS = """
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['audit_leaf', 'audit_target'] LOOP
    EXECUTE format('CREATE TRIGGER audit_only_removing BEFORE DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_only_removing()', name);
    EXECUTE format('CREATE TRIGGER audit_only_declared BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION audit_only_declared()', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_never BEFORE UPDATE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_never()', name);
  END LOOP;
END $$;
CREATE TRIGGER audit_never BEFORE DELETE OR TRUNCATE ON audit_pruned FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_policychange FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_withheld FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE DELETE OR TRUNCATE ON audit_hold FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
INSERT INTO audit_bounds (id, floor_years, ceiling_years, address_days, seen_at, trusted_since) VALUES (1, 1, 10, 90, now(), now());
REVOKE ALL ON FUNCTION audit_prune(text, uuid[], bigint[], bigint[], bytea[], uuid[]), audit_sweep(integer), audit_erase_addresses(uuid, bigint, bigint), audit_clock(), audit_months(),
  audit_fates(text), audit_fate(uuid, uuid, timestamptz, text),
  audit_kept_in(uuid, text, timestamptz), audit_pinned(uuid, bigint, uuid, timestamptz), audit_held(uuid, uuid), audit_keep_hashes(uuid) FROM PUBLIC;
"""

CALLABLE = ("audit_prune(text, uuid[], bigint[], bigint[], bytea[], uuid[])", "audit_sweep(integer)", "audit_erase_addresses(uuid, bigint, bigint)", "audit_clock()", "audit_months()",
            "audit_fates(text)", "audit_pinned(uuid, bigint, uuid, timestamptz)")
"""What the serving role may call. Each looks for itself whether it may be done."""
SQL = RULES + PRUNING + ERASING + TRIGGERS
