"""Apps as tests need them: in a catalogue, asked for, installed, allowed something."""
from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.catalogue import publishing
from accounts.models import App, AppGrant, AppRequest, AppReview, Installation, Membership, Organization, OrganizationPolicy
from accounts.oauth import clients
from audit.streams import secrets
from tests.cast import Org

INSTALLED = "00000000-0000-4000-8000-000000000071"
MANIFEST: dict[str, Any] = {
    "slug": "whiteboard", "name": "Whiteboard", "about": "Drawing together.", "provider": "Whiteboard Ltd", "provider_email": "privacy@whiteboard.example", "website": "https://whiteboard.example",
    "privacy_url": "https://whiteboard.example/privacy", "countries": ["DE"], "categories": ["user.name", "user.contact.email"], "scopes": ["openid", "profile", "view_people"],
    "redirect_uris": ["https://whiteboard.example/back"], "logout_url": "", "events_url": "", "requests_url": ""}
FORM = {**MANIFEST, "countries": "DE", "redirect_uris": "https://whiteboard.example/back"}
DATA: dict[str, dict[str, Any]] = {
    "add-app": {**FORM, "slug": "easel"}, "change-app": {**{k: v for k, v in FORM.items() if k != "slug"}, "app": "whiteboard", "about": "Drawing apart."}, "withdraw-app": {"app": "whiteboard"},
    "set-app-policy": {"policy": "closed"}, "request-app": {"app": "whiteboard", "message": "For the workshop."}, "withdraw-app-request": {"app": "whiteboard"}, "review-app": {"app": "whiteboard"},
    "approve-app": {"app": "whiteboard"}, "deny-app": {"app": "whiteboard", "message": "We have one."}, "block-app": {"app": "whiteboard", "message": "It leaks."}, "install-app": {"app": "whiteboard"},
    "approve-app-scopes": {"app": "whiteboard"}, "refuse-app-scopes": {"app": "whiteboard"}, "suspend-app": {"app": "whiteboard"}, "resume-app": {"app": "whiteboard"},
    "uninstall-app": {"app": "whiteboard"}, "renew-app-secret": {"app": "whiteboard"}, "withdraw-app-grant": {"grant": ""}, "object-app": {"app": INSTALLED, "message": "I never asked for it."},
}


def app_for(organization: Organization | None, **more: Any) -> App:
    """A record of the catalogue of an organization, or of the operator; one that was there is brought to what is said. Needs an open act."""
    said = {**MANIFEST, **more}
    row = App.objects.filter(organization=organization, slug=said["slug"]).first() or publishing.new(said, organization_id=organization.id if organization else None, now=datetime.now(UTC))
    for name, value in {"state": "offered", **said}.items():
        setattr(row, name, value)
    row.save()
    return row


def installation_for(org: Org, app: App, *people: Membership, row_id: str = "", **more: Any) -> Installation:
    """The app is installed, with its client, and these people allowed it all that it asks for. Needs an open act."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    Installation.objects.filter(organization=org.organization, app=app).delete()
    row = Installation(id=uuid.UUID(row_id) if row_id else uuid.uuid4(), **{"organization": org.organization, "app": app, "scopes": app.scopes, "installed_by_id": org.person("owner").account_id,
                                                                           "installed_at": now, **more})
    row.events_secret = secrets.seal(secrets.mint(), stream=row.id)
    row.save(force_insert=True)
    client, _secret = clients.make(None, organization=org.organization, name=app.name, installation=row, redirect_uris=app.redirect_uris)
    client.save(force_insert=True)
    AppGrant.objects.bulk_create(AppGrant(id=uuid.uuid4(), organization=org.organization, installation=row, account_id=one.account_id, scopes=row.scopes, granted_at=now) for one in people)
    return row


def ready_for(org: Org, slug: str) -> None:
    """What the power over apps needs: the app in the catalogue, asked for by everybody, installed, suspended, asking for more. Needs an open act."""
    OrganizationPolicy.objects.update_or_create(organization=org.organization, defaults={"app_policy": "request" if slug in {"request-app", "set-app-policy"} else "open"})
    Installation.objects.filter(id=INSTALLED).delete()
    AppRequest.objects.filter(organization=org.organization).delete()
    AppReview.objects.filter(organization=org.organization).delete()
    App.objects.filter(organization=org.organization, slug="easel").delete()
    app = app_for(org.organization)
    Installation.objects.filter(organization=org.organization, app=app).delete()
    everybody = list(org.people.values())
    if slug in {"withdraw-app-request", "review-app"}:
        AppReview.objects.create(organization=org.organization, app=app, state="needs_review", created_at=datetime.now(UTC))
        AppRequest.objects.bulk_create(AppRequest(organization=org.organization, app=app, account_id=one.account_id, words="For the workshop.", asked_at=datetime.now(UTC)) for one in everybody)
    if slug in {"approve-app-scopes", "refuse-app-scopes", "suspend-app", "resume-app", "uninstall-app", "renew-app-secret", "withdraw-app-grant", "object-app"}:
        installation_for(org, app, *everybody, row_id=INSTALLED, state="suspended" if slug == "resume-app" else "active", pending_scopes=["email"] if slug.endswith("-app-scopes") else [])
