"""Parts of what an organization holds about a person that may be stored and nothing else: single values and groups, or all of a kind (RIGHTS 3e, decision 78).

`Membership.set_aside` names them by code. PostgreSQL follows in the same statement, whoever writes: a value leaves the profile for `accounts_setaside`, where nothing of
daily use looks, and a group membership is marked, so that its row is there only for purposes that go on. When the code is gone it is as before.
"""
from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from accounts.models import GroupMembership, Membership, SetAside
from accounts.people import Person

PROFILE, GROUPS = "profile", "groups"
FIELDS = ("name", "title", "department")
"""What is said about a person. Language and time zone are how things are shown to them: to take those away would harm nobody but them."""


def restricted(membership: Membership | None, field: str) -> bool:
    """Whether the person restricted the use of this value, alone or with the others."""
    return membership is not None and field in FIELDS and not {PROFILE, f"{PROFILE}.{field}"}.isdisjoint(membership.set_aside)


def group_restricted(membership: Membership | None, group_id: UUID) -> bool:
    """Whether the person restricted the use of that they are in this group, alone or with the others."""
    return membership is not None and not {GROUPS, f"{GROUPS}.{group_id}"}.isdisjoint(membership.set_aside)


def keeps_group(group_id: UUID) -> bool:
    """Whether somebody restricted the use of that they are in this group: a restriction keeps what is stored, so the group cannot go. Needs the scope."""
    return GroupMembership.objects.filter(group_id=group_id, use_restricted=True).exists()


def own_name(people: Sequence[Person]) -> None:
    """extra["own_name"]: the name of each person's account that its managing organization may only store because they restricted it, or None. For people who act on their own account."""
    managed = [p.account.id for p in people if p.management is not None]
    stored = {row.account_id: row for row in SetAside.objects.filter(account_id__in=managed, field="name")} if managed else {}
    members = {row.account_id: row for row in Membership.objects.filter(account_id__in=stored, set_aside__overlap=[PROFILE, f"{PROFILE}.name"])} if stored else {}
    for person in people:
        person.extra["own_name"] = stored[person.account.id].value if person.account.id in members else None


def contest(membership: Membership, field: str, *, now: bool) -> None:
    """The value is contested from now on, or not any more."""
    code = f"contested.{field}"
    membership.set_aside = sorted({*membership.set_aside, code}) if now else [one for one in membership.set_aside if one != code]


def contested(membership: Membership, field: str) -> bool:
    return f"contested.{field}" in membership.set_aside


def close(membership: Membership, codes: Sequence[str]) -> None:
    """What the person restricted, all of it. What they contest stays as it is."""
    membership.set_aside = sorted({*codes, *(one for one in membership.set_aside if one.startswith("contested."))})


def rows(people: Sequence[Person]) -> None:
    """extra["aside"]: the values of each person that this organization may only store, by field. For the person, and for whoever answers them."""
    found = SetAside.objects.filter(organization_id__in={p.membership.organization_id for p in people if p.membership}, account_id__in=[p.account.id for p in people])
    by_person: dict[tuple[UUID, UUID], dict[str, SetAside]] = {}
    for row in found if any(p.membership is not None and p.membership.set_aside for p in people) else ():
        by_person.setdefault((row.organization_id, row.account_id), {})[row.field] = row
    for person in people:
        person.extra["aside"] = by_person.get((person.membership.organization_id, person.account.id), {}) if person.membership is not None else {}


TRIGGERS = """
CREATE OR REPLACE FUNCTION accounts_stands(org uuid, person uuid, what text, shown text, was text[], codes text[]) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE closed text[] := ARRAY['profile', 'profile.' || what];
DECLARE aside text[] := closed || ('contested.' || what);
DECLARE back text;
BEGIN
  IF shown <> '' AND (codes && closed OR (codes && aside AND NOT was && aside)) THEN
    INSERT INTO accounts_setaside (id, organization_id, account_id, field, value, since) VALUES (gen_random_uuid(), org, person, what, shown, now())
      ON CONFLICT (account_id, organization_id, field) DO UPDATE SET value = excluded.value;
    RETURN '';
  ELSIF was && aside AND NOT codes && aside THEN
    DELETE FROM accounts_setaside s WHERE s.account_id = person AND s.organization_id = org AND s.field = what RETURNING s.value INTO back;
    RETURN COALESCE(NULLIF(shown, ''), back, '');
  END IF;
  RETURN shown;
END $$;
REVOKE ALL ON FUNCTION accounts_stands(uuid, uuid, text, text, text[], text[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION accounts_set_aside() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  NEW.title := accounts_stands(NEW.organization_id, NEW.account_id, 'title', NEW.title, OLD.set_aside, NEW.set_aside);
  NEW.department := accounts_stands(NEW.organization_id, NEW.account_id, 'department', NEW.department, OLD.set_aside, NEW.set_aside);
  RETURN NEW;
END $$;
CREATE TRIGGER accounts_set_aside BEFORE UPDATE OF set_aside, title, department ON accounts_membership FOR EACH ROW
  WHEN (OLD.set_aside <> '{}' OR NEW.set_aside <> '{}') EXECUTE FUNCTION accounts_set_aside();

CREATE OR REPLACE FUNCTION accounts_set_aside_beside() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE called text;
DECLARE shown text;
DECLARE managed boolean := EXISTS (SELECT 1 FROM accounts_management g WHERE g.account_id = NEW.account_id AND g.organization_id = NEW.organization_id);
BEGIN
  UPDATE accounts_groupmembership g SET use_restricted = NOT g.use_restricted
    WHERE g.membership_id = NEW.id AND g.use_restricted <> (NEW.set_aside && ARRAY['groups', 'groups.' || g.group_id::text]);
  SELECT a.name INTO called FROM accounts_account a WHERE a.id = NEW.account_id;
  shown := accounts_stands(NEW.organization_id, NEW.account_id, 'name', called, OLD.set_aside, CASE WHEN managed THEN NEW.set_aside ELSE '{}' END);
  IF shown <> called THEN
    UPDATE accounts_account SET name = shown, version = version + 1 WHERE id = NEW.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_set_aside_beside AFTER UPDATE OF set_aside ON accounts_membership FOR EACH ROW
  WHEN (OLD.set_aside IS DISTINCT FROM NEW.set_aside) EXECUTE FUNCTION accounts_set_aside_beside();

CREATE OR REPLACE FUNCTION accounts_name_aside() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE there record;
BEGIN
  SELECT m.organization_id, m.set_aside INTO there FROM accounts_management g JOIN accounts_membership m ON m.account_id = g.account_id AND m.organization_id = g.organization_id
    WHERE g.account_id = NEW.id AND m.set_aside && ARRAY['profile', 'profile.name'];
  IF FOUND THEN
    NEW.name := accounts_stands(there.organization_id, NEW.id, 'name', NEW.name, there.set_aside, there.set_aside);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER accounts_name_aside BEFORE UPDATE OF name ON accounts_account FOR EACH ROW
  WHEN (NEW.name <> '' AND NEW.name <> OLD.name AND NEW.status <> 'purged') EXECUTE FUNCTION accounts_name_aside();

CREATE OR REPLACE FUNCTION accounts_name_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE back text;
BEGIN
  DELETE FROM accounts_setaside s WHERE s.account_id = OLD.account_id AND s.organization_id = OLD.organization_id AND s.field = 'name' RETURNING s.value INTO back;
  UPDATE accounts_account SET name = back, version = version + 1 WHERE id = OLD.account_id AND name = '' AND status <> 'purged' AND back IS NOT NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_name_back AFTER DELETE ON accounts_management FOR EACH ROW EXECUTE FUNCTION accounts_name_back();
CREATE TRIGGER accounts_name_back_moved AFTER UPDATE OF organization_id ON accounts_management FOR EACH ROW
  WHEN (OLD.organization_id <> NEW.organization_id) EXECUTE FUNCTION accounts_name_back();

CREATE OR REPLACE FUNCTION accounts_groups_joined() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE accounts_groupmembership g SET use_restricted = true FROM fresh f JOIN accounts_membership m ON m.id = f.membership_id
    WHERE g.id = f.id AND m.set_aside <> '{}' AND m.set_aside && ARRAY['groups', 'groups.' || f.group_id::text];
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_groups_joined AFTER INSERT ON accounts_groupmembership REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION accounts_groups_joined();
"""
"""What a code moves. A value that is written while its use is restricted, by whatever way, goes aside too; one that the person writes while it is contested stands on the profile at once.

The name belongs to the account: it is set aside where the organization manages that, because then it answers for it, and comes back when it does not any more."""
