"""Whom people write to about an organization (policy A11): the published contact, in one line."""
from __future__ import annotations

from accounts.models import Organization


def line(organization: Organization | None) -> str:
    """Address, and page about help, as a mail names them; '' where nothing is published and people have to ask the owners."""
    if organization is None:
        return ""
    address = f"{organization.contact_name} <{organization.contact_email}>" if organization.contact_name and organization.contact_email else organization.contact_email
    return " · ".join(part for part in (address, organization.contact_link) if part)
