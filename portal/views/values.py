"""The person's page about the values of their profile: who locked or changed them, what is suggested, what they dispute (POWERS P8, policy B9)."""
from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal import values


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Every organization of the person with its fields."""
    return render(request, "me/values.html", {"rows": values.mine(request.user, now=timezone.now()), "key": uuid4()})  # type: ignore[arg-type]
