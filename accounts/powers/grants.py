"""Giving a role: the membership's role, and the auth group through which django-guardian knows it."""
from __future__ import annotations

from django.contrib.auth.models import Group as AuthGroup

from accounts.models import Account, Role
from accounts.people import Person
from accounts.work import Work

AccountAuthGroup = Account.groups.through


def set_role(work: Work, person: Person, role: Role) -> None:
    """Change the membership's role and the auth group with it."""
    membership = person.membership
    assert membership is not None
    if membership.role_id == role.id:
        return
    for row in AccountAuthGroup.objects.filter(account=person.account, group_id=membership.role.auth_group_id):
        work.remove(row)
    if not AccountAuthGroup.objects.filter(account=person.account, group_id=role.auth_group_id).exists():
        work.add(AccountAuthGroup(account=person.account, group=AuthGroup(id=role.auth_group_id)))
    membership.role = role
    membership.role_scope = None


def drop_role(work: Work, person: Person) -> None:
    """Take the auth group away, for a membership that ends."""
    membership = person.membership
    assert membership is not None
    for row in AccountAuthGroup.objects.filter(account=person.account, group_id=membership.role.auth_group_id):
        work.remove(row)
