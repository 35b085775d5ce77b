"""Ending what programs hold of people: tokens, codes and devices. That they stop working does not depend on it; that nothing is left lying about does."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from oauth2_provider.models import AccessToken, DeviceGrant, Grant, IDToken, RefreshToken

from accounts.models import OAuthApplication
from accounts.tenancy import installation


def end(*, accounts: Iterable[UUID] | None = None, clients: Iterable[UUID] | None = None, now: datetime) -> int:
    """End every token, code and device of these accounts, at these clients, or of these accounts at these clients. Needs an open act. Returns how many ended."""
    match, devices = Q(), Q()
    if accounts is None and clients is None:
        raise ValueError("say whose")
    with installation("what programs hold of a person is in every organization"):
        if accounts is not None:
            match, devices = Q(user_id__in=list(accounts)), Q(user_id__in=list(accounts))
        if clients is not None:
            match &= Q(application_id__in=list(clients))
            devices &= Q(client_id__in=list(OAuthApplication.objects.filter(id__in=list(clients)).values_list("client_id", flat=True)))
        return sum(model.objects.filter(match).delete()[0] for model in (RefreshToken, AccessToken, IDToken, Grant)) + DeviceGrant.objects.filter(devices).delete()[0]
