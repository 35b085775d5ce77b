"""The months of the log: records lie in one partition for each retention class and month, so that a month can go as a whole (AUDIT section 4)."""
from __future__ import annotations

from datetime import date

from django.db import connections

AHEAD = 24
"""Months that are made before they are needed. Should nobody make them for that long, records go to a partition for what has no month."""

SQL = """
CREATE OR REPLACE FUNCTION audit_make_partitions(class text, since date, until date) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE parent text := 'audit_entry_' || class; name text; month date := date_trunc('month', since); made integer := 0;
BEGIN
  IF class !~ '^(y[1-9][0-9]?|held)$' OR until > since + 3700 THEN
    RAISE EXCEPTION 'no such retention class, or too many months' USING ERRCODE = '22023';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('audit_make_partitions'));
  IF to_regclass(parent) IS NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE audit_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (occurred_at)', parent);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', parent || '_other', parent);
    PERFORM audit_protect_partition(parent), audit_protect_partition(parent || '_other');
    EXECUTE format('ALTER TABLE audit_entry ATTACH PARTITION %I FOR VALUES IN (%L)', parent, class);
  END IF;
  WHILE month <= until LOOP
    name := parent || to_char(month, '_YYYYMM');
    IF to_regclass(name) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I (LIKE audit_entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        PERFORM audit_protect_partition(name);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
        made := made + 1;
      EXCEPTION WHEN check_violation OR invalid_object_definition THEN
        NULL;  -- what has no month, or the months before this version, holds such records already
      END;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN made;
END $$;

CREATE OR REPLACE FUNCTION audit_protect_partition(name text) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', name);
  EXECUTE format('DROP TRIGGER IF EXISTS audit_never ON %I', name);
  EXECUTE format('CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_never()', name);
END $$;
REVOKE ALL ON FUNCTION audit_make_partitions(text, date, date), audit_protect_partition(text) FROM PUBLIC;
"""

CUT = """
ALTER TABLE audit_entry ADD COLUMN retention varchar(10) NOT NULL DEFAULT 'y7';
DROP INDEX audit_entry_act;
DROP TRIGGER audit_pend ON audit_entry;
ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_pkey;
ALTER TABLE audit_entry RENAME TO audit_entry_y7_before;
CREATE TABLE audit_entry (LIKE audit_entry_y7_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY LIST (retention);
CREATE INDEX audit_entry_id ON audit_entry (id);
CREATE TRIGGER audit_pend AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION audit_pend();
CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE DELETE OR TRUNCATE ON audit_tile FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
DO $$
DECLARE border timestamptz;
BEGIN
  PERFORM audit_make_partitions('y7', '2000-01-01', '1999-01-01');
  SELECT date_trunc('month', greatest(max(occurred_at), now()) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '1 month' INTO border FROM audit_entry_y7_before;
  IF NOT EXISTS (SELECT 1 FROM audit_entry_y7_before) THEN
    DROP TABLE audit_entry_y7_before;
  ELSE
    EXECUTE format('ALTER TABLE audit_entry_y7 ATTACH PARTITION audit_entry_y7_before FOR VALUES FROM (MINVALUE) TO (%L)', border);
  END IF;
  PERFORM audit_make_partitions('y7', CURRENT_DATE, (CURRENT_DATE + interval '24 months')::date);
END $$;
"""
"""What was one table becomes the first partition, without being rewritten."""


def prepare(*, today: date, classes: tuple[str, ...] = (), alias: str = "default") -> int:
    """Make the months that will be needed, of the classes in use and of these. Returns how many were made."""
    until = date(today.year + (today.month - 1 + AHEAD) // 12, (today.month - 1 + AHEAD) % 12 + 1, 1)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT DISTINCT retention FROM audit_policy")
        wanted = sorted({"y7", *classes, *(row[0] for row in cursor.fetchall())})
        made = 0
        for name in wanted:
            cursor.execute("SELECT audit_make_partitions(%s, %s, %s)", [name, today, until])
            made += int(cursor.fetchone()[0])
    return made
