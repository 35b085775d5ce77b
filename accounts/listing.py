"""What the people list reads: columns and search tokens that PostgreSQL keeps itself, whichever way rows are written."""

SQL = """
CREATE TABLE accounts_searchtoken (
  organization_id uuid NOT NULL, token text COLLATE "C" NOT NULL,
  membership_id uuid NOT NULL REFERENCES accounts_membership (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  PRIMARY KEY (organization_id, token, membership_id));
CREATE INDEX searchtoken_of_membership ON accounts_searchtoken (membership_id);

CREATE OR REPLACE FUNCTION accounts_tokens(text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
  SELECT DISTINCT left(t, 64) FROM regexp_split_to_table(lower($1), '[^[:alnum:]]+') AS t WHERE t <> ''
$$;

CREATE OR REPLACE FUNCTION accounts_list_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE a record;
DECLARE strictness text[] := ARRAY['purged','pending_deletion','locked','deactivated','removed','suspended','restricted','invited','active'];
BEGIN
  SELECT name, email_key, status INTO a FROM accounts_account WHERE id = NEW.account_id;
  NEW.list_email := a.email_key;
  NEW.list_name := COALESCE(NULLIF(lower(a.name), ''), a.email_key);
  NEW.effective_status := CASE WHEN array_position(strictness, a.status::text) < array_position(strictness, NEW.status::text) THEN a.status ELSE NEW.status END;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION accounts_list_tokens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.list_name = OLD.list_name AND NEW.list_email = OLD.list_email THEN RETURN NULL; END IF;
  DELETE FROM accounts_searchtoken WHERE membership_id = NEW.id;
  INSERT INTO accounts_searchtoken (organization_id, token, membership_id)
    SELECT NEW.organization_id, t, NEW.id FROM accounts_tokens(NEW.list_name || ' ' || NEW.list_email) AS t;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION accounts_list_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE accounts_membership SET list_name = list_name WHERE account_id = NEW.id;
  RETURN NULL;
END $$;

CREATE TRIGGER accounts_list_row BEFORE INSERT OR UPDATE ON accounts_membership FOR EACH ROW EXECUTE FUNCTION accounts_list_row();
CREATE TRIGGER accounts_list_tokens AFTER INSERT OR UPDATE ON accounts_membership FOR EACH ROW EXECUTE FUNCTION accounts_list_tokens();
CREATE TRIGGER accounts_list_account AFTER UPDATE OF name, email_key, status ON accounts_account FOR EACH ROW
  WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.email_key IS DISTINCT FROM NEW.email_key OR OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION accounts_list_account();
"""

ONLY_WHEN_NEEDED = """
DROP TRIGGER accounts_list_row ON accounts_membership;
CREATE TRIGGER accounts_list_row BEFORE INSERT OR UPDATE OF account_id, status, list_name, list_email, effective_status ON accounts_membership
  FOR EACH ROW EXECUTE FUNCTION accounts_list_row();
DROP TRIGGER accounts_list_tokens ON accounts_membership;
CREATE TRIGGER accounts_list_tokens AFTER INSERT ON accounts_membership FOR EACH ROW EXECUTE FUNCTION accounts_list_tokens();
CREATE TRIGGER accounts_list_tokens_again AFTER UPDATE OF account_id, list_name, list_email ON accounts_membership FOR EACH ROW
  WHEN (OLD.list_name IS DISTINCT FROM NEW.list_name OR OLD.list_email IS DISTINCT FROM NEW.list_email) EXECUTE FUNCTION accounts_list_tokens();
"""
"""The same, but called only by what can change the list: a change of a title or an epoch costs nothing here."""

COUNT = """
CREATE INDEX peoplecount_of_organization ON accounts_peoplecount (organization_id);

CREATE OR REPLACE FUNCTION accounts_count_new() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO accounts_peoplecount (organization_id, status, kind, second_factor, n)
    SELECT x.organization_id, x.effective_status, a.kind, a.has_second_factor, count(*) FROM fresh x JOIN accounts_account a ON a.id = x.account_id GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION accounts_count_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO accounts_peoplecount (organization_id, status, kind, second_factor, n)
    SELECT x.organization_id, x.effective_status, COALESCE(a.kind, 'person'), COALESCE(a.has_second_factor, false), -count(*)
    FROM stale x LEFT JOIN accounts_account a ON a.id = x.account_id GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION accounts_count_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM stale o JOIN fresh f ON f.id = o.id
                 WHERE (o.organization_id, o.effective_status, o.account_id) IS DISTINCT FROM (f.organization_id, f.effective_status, f.account_id)) THEN RETURN NULL; END IF;
  INSERT INTO accounts_peoplecount (organization_id, status, kind, second_factor, n)
    SELECT x.organization_id, x.effective_status, a.kind, a.has_second_factor, sum(x.n)
    FROM (SELECT organization_id, effective_status, account_id, 1 AS n FROM fresh UNION ALL SELECT organization_id, effective_status, account_id, -1 FROM stale) x
    JOIN accounts_account a ON a.id = x.account_id GROUP BY 1, 2, 3, 4 HAVING sum(x.n) <> 0;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION accounts_count_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO accounts_peoplecount (organization_id, status, kind, second_factor, n)
    SELECT m.organization_id, m.effective_status, v.kind, v.factor, v.n FROM accounts_membership m
    CROSS JOIN (VALUES (NEW.kind, NEW.has_second_factor, 1), (OLD.kind, OLD.has_second_factor, -1)) AS v(kind, factor, n) WHERE m.account_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_count_new AFTER INSERT ON accounts_membership REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION accounts_count_new();
CREATE TRIGGER accounts_count_gone AFTER DELETE ON accounts_membership REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION accounts_count_gone();
CREATE TRIGGER accounts_count_moved AFTER UPDATE ON accounts_membership REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION accounts_count_moved();
CREATE TRIGGER accounts_count_account AFTER UPDATE OF kind, has_second_factor ON accounts_account FOR EACH ROW
  WHEN ((OLD.kind, OLD.has_second_factor) IS DISTINCT FROM (NEW.kind, NEW.has_second_factor)) EXECUTE FUNCTION accounts_count_account();

CREATE OR REPLACE FUNCTION accounts_fold_counts(bound int) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE folded bigint;
BEGIN
  WITH many AS (SELECT organization_id FROM accounts_peoplecount GROUP BY 1 HAVING count(*) > bound),
       gone AS (DELETE FROM accounts_peoplecount c USING many WHERE c.organization_id = many.organization_id RETURNING c.*)
  INSERT INTO accounts_peoplecount (organization_id, status, kind, second_factor, n)
    SELECT organization_id, status, kind, second_factor, sum(n) FROM gone GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0;
  GET DIAGNOSTICS folded = ROW_COUNT;
  RETURN folded;
END $$;

INSERT INTO accounts_peoplecount (organization_id, status, kind, second_factor, n)
  SELECT m.organization_id, m.effective_status, a.kind, a.has_second_factor, count(*) FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id GROUP BY 1, 2, 3, 4;
"""
"""How many people have which status, kept as differences that are added up: two acts in one organization never wait for each
other's counter, and counting 100,000 people at each page is not needed. `accounts_fold_counts` puts differences together."""

RESTRICTED = """
CREATE OR REPLACE FUNCTION accounts_list_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE a record;
DECLARE strictness text[] := ARRAY['purged','pending_deletion','locked','deactivated','removed','suspended','restricted','invited','active'];
BEGIN
  SELECT name, email_key, status INTO a FROM accounts_account WHERE id = NEW.account_id;
  NEW.list_email := a.email_key;
  NEW.list_name := COALESCE(NULLIF(lower(a.name), ''), a.email_key);
  IF NEW.use_restricted AND NOT ('administration' = ANY (NEW.use_freed)) THEN
    NEW.list_email := 'restricted-' || left(NEW.id::text, 8);
    NEW.list_name := NEW.list_email;
  END IF;
  NEW.effective_status := CASE WHEN array_position(strictness, a.status::text) < array_position(strictness, NEW.status::text) THEN a.status ELSE NEW.status END;
  RETURN NEW;
END $$;
DROP TRIGGER accounts_list_row ON accounts_membership;
CREATE TRIGGER accounts_list_row BEFORE INSERT OR UPDATE OF account_id, status, list_name, list_email, effective_status, use_restricted, use_freed ON accounts_membership
  FOR EACH ROW EXECUTE FUNCTION accounts_list_row();
DROP TRIGGER accounts_list_tokens_again ON accounts_membership;
CREATE TRIGGER accounts_list_tokens_again AFTER UPDATE OF account_id, list_name, list_email, use_restricted, use_freed ON accounts_membership FOR EACH ROW
  WHEN (OLD.list_name IS DISTINCT FROM NEW.list_name OR OLD.list_email IS DISTINCT FROM NEW.list_email) EXECUTE FUNCTION accounts_list_tokens();
"""
"""Somebody whose data may only be stored is neither searched nor sorted by it: a handle stands in its place, and their words leave the search."""

ROLE_SINCE = """
CREATE OR REPLACE FUNCTION accounts_role_since() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.role_since := now();
  RETURN NEW;
END $$;
CREATE TRIGGER accounts_role_since BEFORE UPDATE OF role_id ON accounts_membership FOR EACH ROW
  WHEN (OLD.role_id IS DISTINCT FROM NEW.role_id) EXECUTE FUNCTION accounts_role_since();
"""
"""Since when somebody has their role, for what only a role of some standing may do."""
