"""The lock: PostgreSQL refuses unaudited writes, and changes of the log by anybody. The SQL, applied by a migration."""
from __future__ import annotations

FUNCTIONS = """
CREATE OR REPLACE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_opening o
                 WHERE o.id = NULLIF(current_setting('steward.act', true), '')::uuid AND o.xid = pg_current_xact_id()::text) THEN
    RAISE EXCEPTION 'no audit entry is open: % of % refused', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'AU001', HINT = 'Write through a power, or open an entry with audit.recording.opened().';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_never() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only: % of % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'AU002';
END $$;

CREATE OR REPLACE FUNCTION audit_pend() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO audit_pending (org, entry, record_sha256, occurred_at) SELECT org, id, record_sha256, occurred_at FROM fresh ORDER BY id;
  UPDATE audit_opening SET written = true WHERE id IN (SELECT act FROM fresh WHERE act IS NOT NULL);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_settle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM audit_opening WHERE id = NEW.id AND written;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'an act was opened and no audit entry was written' USING ERRCODE = 'AU003';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_open(act uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO audit_opening (id, xid) VALUES (act, pg_current_xact_id()::text);
  PERFORM set_config('steward.act', act::text, true);
END $$;

CREATE OR REPLACE FUNCTION audit_erase_subject(log uuid, who uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE erased bigint;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_opening o
                 WHERE o.id = NULLIF(current_setting('steward.act', true), '')::uuid AND o.xid = pg_current_xact_id()::text) THEN
    RAISE EXCEPTION 'no audit entry is open: erasing disclosures refused' USING ERRCODE = 'AU001';
  END IF;
  PERFORM set_config('steward.erasing', who::text, true);
  DELETE FROM audit_disclosure WHERE org = log AND subject = who;
  GET DIAGNOSTICS erased = ROW_COUNT;
  DELETE FROM audit_subjectkey WHERE org = log AND subject = who;
  PERFORM set_config('steward.erasing', '', true);
  RETURN erased;
END $$;

CREATE OR REPLACE FUNCTION audit_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.subject::text IS DISTINCT FROM current_setting('steward.erasing', true) THEN
    RAISE EXCEPTION 'disclosures go only through audit_erase_subject()' USING ERRCODE = 'AU002';
  END IF;
  RETURN OLD;
END $$;
CREATE OR REPLACE FUNCTION audit_only_erasing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NULLIF(current_setting('steward.erasing', true), '') IS NULL THEN
    RAISE EXCEPTION 'disclosures go only through audit_erase_subject()' USING ERRCODE = 'AU002';
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION audit_erase_subject(uuid, uuid) FROM PUBLIC;
"""

TRIGGERS = """
CREATE TRIGGER audit_pend AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION audit_pend();
CREATE CONSTRAINT TRIGGER audit_settle AFTER INSERT ON audit_opening DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_settle();
CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaf FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_target FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE UPDATE OR TRUNCATE ON audit_disclosure FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_never BEFORE UPDATE OR TRUNCATE ON audit_subjectkey FOR EACH STATEMENT EXECUTE FUNCTION audit_never();
CREATE TRIGGER audit_only_erasing BEFORE DELETE ON audit_disclosure FOR EACH STATEMENT EXECUTE FUNCTION audit_only_erasing();
CREATE TRIGGER audit_only_erasing BEFORE DELETE ON audit_subjectkey FOR EACH STATEMENT EXECUTE FUNCTION audit_only_erasing();
CREATE TRIGGER audit_only_erased BEFORE DELETE ON audit_disclosure FOR EACH ROW EXECUTE FUNCTION audit_only_erased();
CREATE TRIGGER audit_only_erased BEFORE DELETE ON audit_subjectkey FOR EACH ROW EXECUTE FUNCTION audit_only_erased();
CREATE INDEX audit_entry_act ON audit_entry (act) WHERE act IS NOT NULL;
INSERT INTO audit_state (id, pos) VALUES (1, 0);
"""

KEPT = {
    "audit_entry": {"audit_pend", "audit_never"}, "audit_opening": {"audit_settle"},
    **{table: {"audit_never", "audit_only_removing", "audit_only_declared"} for table in ("audit_leaf", "audit_target")},
    "audit_pruned": {"audit_never"}, "audit_policychange": {"audit_never"}, "audit_withheld": {"audit_never"}, "audit_hold": {"audit_never"},
    "audit_tile": {"audit_never"}, "audit_disclosure": {"audit_never", "audit_only_erased"}, "audit_subjectkey": {"audit_never", "audit_only_erased"},
}
"""The triggers without which the log could be changed; `portal.database.differences` looks for them."""


def guard(table: str, columns: list[str], free: tuple[str, ...] = ()) -> str:
    """SQL that puts the lock on a table. Idempotent. Updates that set only `free` columns (when something was last used) pass."""
    guarded = ", ".join(f'"{name}"' for name in columns if name not in free)
    update = f"UPDATE OF {guarded}" if free else "UPDATE"
    return (f'DROP TRIGGER IF EXISTS audit_guard ON "{table}"; DROP TRIGGER IF EXISTS audit_guard_truncate ON "{table}";'
            f'CREATE TRIGGER audit_guard BEFORE INSERT OR {update} OR DELETE ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION audit_guard();'
            f'CREATE TRIGGER audit_guard_truncate BEFORE TRUNCATE ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION audit_never();')
