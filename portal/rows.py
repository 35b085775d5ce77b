"""The rows of the long lists, formatted once in Python: fifty rows in a template's loop would be most of a page's time."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts.listing_query import Row
from portal import came_by
from portal.sentences import Line
from portal.templatetags.steward import ago, icon, initials, status, when

_SAMPLE = "00000000-0000-4000-8000-000000000000"


def _address(name: str, slug: str) -> tuple[str, str]:
    """An address in two parts, around the id: resolved once for the page, not once for each row."""
    before, after = reverse(name, args=[slug, _SAMPLE]).split(_SAMPLE)
    return escape(before), escape(after)


def people(rows: Sequence[Row], *, slug: str, tick: bool) -> SafeString:
    """The rows of the people list; with a box to tick where the viewer may act on many."""
    before, after = _address("person", slug)
    second, only = escape(_("Second factor")), format_html('<span class="badge warn">{}</span>', _("Password only"))
    empty = '<td class="tick"></td>' if tick else ""
    waits = escape(_("The deletion waits"))
    stored = escape(_("The use of this person’s data is restricted"))
    found = []
    for row in rows:
        name, email = escape(row.name or row.email), escape(row.email)
        box = f'<td class="tick"><input type="checkbox" name="ids" value="{row.id}" aria-label="{name}"></td>' if tick else ""
        date = f'<br><small class="muted nowrap">{when(row.purge_at)}</small>' if row.purge_at else f'<br><small class="muted">{waits}</small>' if row.status == "pending_deletion" else ""
        if row.restricted:
            found.append(
                f'<tr>{empty}<th scope="row" class="rowhead"><span class="who"><span class="av" aria-hidden="true">·</span><span><a href="{before}{row.id}{after}">{email}</a>'
                f'<small>{stored}</small></span></span></th><td>{status(row.status)}{date}</td><td class="dim p3">–</td><td>–</td><td class="num p3">–</td><td class="dim nowrap">–</td></tr>')
            continue
        found.append(
            f'<tr>{box}<th scope="row" class="rowhead"><span class="who"><span class="av" aria-hidden="true">{escape(initials(row.name or row.email))}</span>'
            f'<span><a href="{before}{row.id}{after}">{name}</a><small>{email}</small></span></span></th><td>{status(row.status)}{date}</td><td class="dim p3">{escape(row.role)}</td>'
            f'<td>{second if row.second_factor else only}</td><td class="num p3">{row.services}</td><td class="dim nowrap">{ago(row.last_active_at)}</td></tr>')
    return mark_safe("".join(found))  # noqa: S308 (every value above is escaped)


def entries(lines: Iterable[Line], *, slug: str) -> SafeString:
    """The rows of the audit log."""
    before, after = _address("entry", slug)
    badges = {"success": format_html('<span class="badge ok">{}{}</span>', icon("ok"), _("Done")), "denied": format_html('<span class="badge warn">{}{}</span>', icon("x"), _("Refused"))}
    failed = format_html('<span class="badge bad">{}{}</span>', icon("warn"), _("Failed"))
    waiting = format_html('<span class="badge">{}</span>', _("being numbered"))
    shown = {}
    found = []
    for line in lines:
        at, way = shown.get(line.at) or shown.setdefault(line.at, when(line.at)), escape(came_by.way({"via": line.via}))
        found.append(
            f'<tr><td class="num dim">{line.seq or waiting}</td><th scope="row" class="rowhead"><a href="{before}{line.id}{after}">{escape(line.text)}</a><br>'
            f'<small class="muted mono">{escape(line.action)}</small></th><td>{badges.get(line.outcome, failed)}</td><td class="dim p3">{way}</td><td class="dim nowrap">{at}</td></tr>')
    return mark_safe("".join(found))  # noqa: S308 (every value above is escaped)


def options(values: Iterable[tuple[str, Any]], chosen: str) -> SafeString:
    """The options of a select, the chosen one marked."""
    return mark_safe("".join(f'<option value="{escape(key)}"{" selected" if key == chosen else ""}>{escape(label)}</option>' for key, label in values))  # noqa: S308 (escaped)
