"""Records of the catalogue: made, changed and withdrawn, by the operator or by an organization; and what a change means where the app is installed."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.catalogue import manifests
from accounts.models import App, Installation, OAuthApplication
from accounts.tenancy import installation as whole
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef


class Wrong(Exception):
    """The manifest cannot be taken; one line for each thing that is wrong."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("; ".join(lines))


def new(said: dict[str, Any], *, organization_id: Any, now: datetime) -> App:
    return App(id=uuid.uuid4(), organization_id=organization_id, created_at=now, **said)


def change(app: App, said: dict[str, Any], *, now: datetime) -> list[tuple[Installation, list[str]]]:
    """Bring the loaded record to what is said now, and its installations after it: what the app asks for anew is pending there, what it no longer asks for is gone, addresses are the new ones.

    Returns the installations with new scopes. Needs an open act; the record itself is the caller's to write.
    """
    added = sorted(set(said["scopes"]) - set(app.scopes))
    gone = set(app.scopes) - set(said["scopes"])
    moved = said["redirect_uris"] != app.redirect_uris or said["logout_url"] != app.logout_url
    for name, value in said.items():
        setattr(app, name, value)
    news = []
    if added or gone:
        for row in Installation.objects.select_for_update().filter(app=app).exclude(state="ended").order_by("id"):
            asked = [name for name in added if name not in row.scopes]
            row.scopes = sorted(set(row.scopes) - gone)
            row.pending_scopes = sorted((set(row.pending_scopes) | set(asked)) - gone)
            row.version += 1
            row.save(update_fields=["scopes", "pending_scopes", "version"])
            if asked:
                news.append((row, asked))
    if moved:
        OAuthApplication.objects.filter(installation__app=app).update(redirect_uris=" ".join(app.redirect_uris), logout_url=app.logout_url)
    return news


def pending_drafts(app: App, news: Iterable[tuple[Installation, list[str]]], *, actor: ActorRef, via: str) -> list[EntryDraft]:
    """One entry in the log of each organization in which somebody has to decide about new scopes."""
    return [EntryDraft(org=row.organization_id, action="app.scopes_pending", category="app", outcome="success", actor=actor, via=via, targets=[TargetRef(type="app", id=app.id, label=app.name)],
                       facts={"app": app.slug, "installation": str(row.id), "scopes": asked}) for row, asked in news]


def publish(given: Any, *, now: datetime) -> tuple[App, str]:
    """The operator offers an app to every organization, or changes what was offered. Returns it and `added`, `changed` or `same`. Raises Wrong."""
    said, wrong = manifests.read(given)
    if wrong:
        raise Wrong([f"{field}: {words}" if field else words for field, words in sorted(wrong.items())])
    with whole("the operator's catalogue belongs to every organization"), transaction.atomic():
        app = App.objects.select_for_update().filter(organization=None, slug=said["slug"]).first()
        if app is not None and app.state == "offered" and all(getattr(app, name) == value for name, value in said.items()):
            return app, "same"
        by = ActorRef(type="operator")
        with recording.opened(org=INSTALLATION, now=now) as act:
            fresh = app is None
            app = new(said, organization_id=None, now=now) if app is None else app
            news = [] if fresh else change(app, said, now=now)
            app.state = "offered"
            app.version += 0 if fresh else 1
            app.save(force_insert=fresh)
            act.write([EntryDraft(org=INSTALLATION, action="app.added" if fresh else "app.changed", category="app", outcome="success", actor=by, via="cli",
                                  targets=[TargetRef(type="app", id=app.id, label=app.name)], facts={"app": app.slug, "scopes": app.scopes}),
                       *pending_drafts(app, news, actor=by, via="cli")])
    return app, "added" if fresh else "changed"
