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
