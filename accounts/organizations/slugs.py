"""Addresses of organizations: what they may look like, which are nobody's, and when two are too alike."""
from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import OldSlug, Organization
from accounts.tenancy import installation

LEADS, KEPT = timedelta(days=365), timedelta(days=730)
"""For how long people are led on from an address that was given up, and for how long nobody else gets it."""
RESERVED = frozenset(
    "about abuse account accounts admin administrator administrators api app apps archive assets audit auth billing blog contact dashboard demo dev docs download email export feedback files ftp go "
    "health healthz help home host hostmaster imap info install internal invitation invite kb legal log login logout mail mailbox me media metrics mfa moderator news notice notices null o oauth "
    "official operator org organization organizations owner owners passkey password policy postmaster press privacy public readyz orgs register root saml scim security self settings setup "
    "sign-in sign-out signin signout signup smtp sso staff static status stop support sysadmin system team teams terms test tests token tokens undefined user users webhook webhooks webmaster "
    "well-known www steward".split())
_FORM = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?!-)){1,48}[a-z0-9]")
_LIKE = ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("rn", "m"), ("vv", "w"), ("-", "")
"""What eyes take for one another among the signs that an address may have."""


def clean(text: str) -> str:
    """The address as it is kept; a ValidationError says in plain words what is wrong with it."""
    slug = text.strip().lower()
    if not slug.isascii():
        raise ValidationError(_("Use only the letters a to z, digits and hyphens: other letters can look the same and be different."), code="letters")
    if not _FORM.fullmatch(slug):
        raise ValidationError(_("Use 3 to 50 letters, digits and single hyphens, beginning and ending with a letter or digit."), code="form")
    if slug.isdigit():
        raise ValidationError(_("Use at least one letter."), code="form")
    return slug


def skeleton(slug: str) -> str:
    """The address as eyes see it: two with the same skeleton are taken for one another."""
    for sign, like in _LIKE:
        slug = slug.replace(sign, like)
    return slug


def _seen(column: str) -> str:
    for sign, like in _LIKE:
        column = f"replace({column}, '{sign}', '{like}')"
    return column


_TAKEN = (f"SELECT EXISTS (SELECT 1 FROM accounts_organization WHERE {_seen('slug')} = %(seen)s AND id <> %(own)s)"
          f" OR EXISTS (SELECT 1 FROM accounts_oldslug WHERE {_seen('slug')} = %(seen)s AND organization_id <> %(own)s AND kept_until > %(now)s)")


def free(slug: str, *, own: UUID, now: datetime) -> bool:
    """Whether an organization may take this address. Reserved, taken, given up lately and too like another one are the same answer: nobody learns who is here."""
    if skeleton(slug) in {skeleton(word) for word in RESERVED}:
        return False
    with installation("addresses are the same for all organizations"), connection.cursor() as cursor:
        cursor.execute(_TAKEN, {"seen": skeleton(slug), "own": own, "now": now})
        return not cursor.fetchone()[0]


def hold() -> None:
    """Until the transaction ends nobody else gives out addresses: two that are only alike would not find each other by a unique index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('steward.slugs'))")


def leave(organization: Organization, *, now: datetime) -> None:
    """Remember the address that is given up. Needs an open act, and `hold`."""
    with installation("an address that somebody else gave up long ago"):
        OldSlug.objects.filter(slug=organization.slug).delete()
    OldSlug.objects.create(organization=organization, slug=organization.slug, left_at=now, leads_until=now + LEADS, kept_until=now + KEPT)


def take(organization: Organization, slug: str) -> None:
    """A former address of one's own, or one whose time is over, is an address again. Needs an open act, and `hold`."""
    with installation("an address whose time is over"):
        OldSlug.objects.filter(slug=slug).delete()
    organization.slug = slug


def moved(slug: str, *, account_id: UUID, now: datetime) -> str:
    """Where the organization that had this address is now; '' for everybody who never belonged to it."""
    with installation("an address that an organization of the person had"):
        found = OldSlug.objects.filter(slug=slug, leads_until__gt=now, organization__memberships__account_id=account_id).exclude(
            organization__status="deleted").values_list("organization__slug", flat=True).first()
    return found or ""
