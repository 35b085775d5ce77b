"""The powers of the whole product: the lists of the packages, added; and their forms, as an organization fills them."""
from __future__ import annotations

from typing import Any

from accounts.act_file import PLANNED
from accounts.actor import Actor
from accounts.models import Organization
from accounts.power import Power
from accounts.powers import FALLS_DUE
from accounts.powers import POWERS as ACCOUNT_POWERS
from dsar.powers import POWERS as DSAR_POWERS

POWERS = (*ACCOUNT_POWERS, *DSAR_POWERS)
BY_SLUG = {power.slug: power for power in POWERS}
BY_CODE = {power.code: power for power in POWERS}

__all__ = ["BY_CODE", "BY_SLUG", "FALLS_DUE", "PLANNED", "POWERS", "form_for"]


def form_for(power: Power, organization: Organization, actor: Actor, *data: Any, **options: Any) -> Any:
    """The power's form, offering what this organization has: its roles, its groups."""
    form = power.form(*data, **options)
    if hasattr(form, "choices_for"):
        form.choices_for(organization, actor)
    return form
