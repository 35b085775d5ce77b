"""The few tags our templates need: icons, times, statuses."""
from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from accounts.profile import asking, rules
from dsar.powers import value_disputes

register = template.Library()
STATUS = {
    "active": ("ok", "ok", lambda: pgettext("status", "Active")), "invited": ("info", "info", lambda: pgettext("status", "Invited")),
    "restricted": ("info", "lock", lambda: pgettext("status", "Restricted")), "suspended": ("warn", "pause", lambda: pgettext("status", "Suspended")),
    "removed": ("", "off", lambda: pgettext("status", "Removed")), "deactivated": ("warn", "off", lambda: pgettext("status", "Deactivated")),
    "locked": ("bad", "lock", lambda: pgettext("status", "Locked")), "pending_deletion": ("bad", "trash", lambda: pgettext("status", "Deletion scheduled")),
    "purged": ("", "trash", lambda: pgettext("status", "Deleted")),
}


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    """An icon of the sprite; decoration, so screen readers skip it."""
    return format_html('<svg aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name)


@register.simple_tag
def status(value: str) -> SafeString:
    """A status as a badge: colour, icon and word say the same."""
    return _badge(value, get_language())


@lru_cache(maxsize=512)
def _badge(value: str, _language: str | None) -> SafeString:
    css, symbol, word = STATUS[value]
    return format_html('<span class="badge {}">{}{}</span>', css, icon(symbol), word())


@register.filter
def when(value: datetime | None) -> SafeString | str:
    """An instant in the viewer's zone, with the zone."""
    if value is None:
        return "—"
    local = timezone.localtime(value)
    return format_html('<time datetime="{}">{}</time>', value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), local.strftime("%Y-%m-%d %H:%M %Z"))


def ago_text(value: datetime | None, now: datetime) -> str:
    """How long ago, in one unit."""
    if value is None:
        return _("Never")
    minutes = max(0, int((now - value).total_seconds() // 60))
    if minutes < 2:
        return _("Just now")
    if minutes < 60:
        return ngettext("%(n)d minute ago", "%(n)d minutes ago", minutes) % {"n": minutes}
    if minutes < 48 * 60:
        hours = minutes // 60
        return ngettext("%(n)d hour ago", "%(n)d hours ago", hours) % {"n": hours}
    days = minutes // (24 * 60)
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}


@register.filter
def ago(value: datetime | None) -> SafeString | str:
    """How long ago, with the exact time for whoever points at it."""
    if value is None:
        return _("Never")
    return format_html('<time datetime="{}" title="{}">{}</time>', value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                       timezone.localtime(value).strftime("%Y-%m-%d %H:%M %Z"), ago_text(value, timezone.now()))


def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    words = [word for word in name.replace("@", " ").split() if word[:1].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words[:1])).upper() or "?"


register.filter("initials", initials)


@register.simple_tag(takes_context=True)
def query(context: Any, **changes: Any) -> str:
    """The address of this list with something changed: state is the URL."""
    found = context["request"].GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            found.pop(key, None)
        else:
            found[key] = value
    return "?" + found.urlencode()


@register.simple_tag
def control(field: Any) -> SafeString:
    """A form control with our look, and its hint and error tied to it."""
    widget = field.field.widget
    css = "" if is_check(field) else "select" if getattr(widget, "input_type", "") == "select" else "input"
    described = " ".join(part for part in (f"{field.auto_id}_err" if field.errors else "", f"{field.auto_id}_hint" if field.help_text else "") if part)
    attributes = {"class": css} if css else {}
    if described:
        attributes["aria-describedby"] = described
    if field.errors:
        attributes["aria-invalid"] = "true"
    return field.as_widget(attrs=attributes)


@register.filter
def zone_of(field: Any) -> str:
    """The time zone in which a date and time is typed into this field; '' for other fields."""
    return timezone.get_current_timezone_name() if getattr(field.field.widget, "input_type", "") == "datetime-local" else ""


@register.filter
def is_check(field: Any) -> bool:
    """A single checkbox: its label stands behind it."""
    return getattr(field.field.widget, "input_type", "") == "checkbox" and not hasattr(field.field.widget, "optgroups")


@register.filter
def is_choice_list(field: Any) -> bool:
    """Radios or several checkboxes: a group with a legend."""
    return getattr(field.field.widget, "input_type", "") in {"radio", "checkbox"} and hasattr(field.field.widget, "optgroups")


@register.filter
def entry_of(tags: str) -> str:
    """The entry that a message belongs to, from its tags."""
    return next((tag.removeprefix("entry:") for tag in tags.split() if tag.startswith("entry:")), "")


@register.filter
def field_label(field: str) -> str:
    """What a profile field is called."""
    return str(rules.LABELS.get(field, field))


@register.filter
def kept_ground(code: str) -> str:
    """On what ground a disputed value stays."""
    return str(dict(value_disputes.GROUNDS).get(code, code))


@register.filter
def field_value(value: str, field: str) -> str:
    """A value of a profile field as people read it."""
    return asking.shown(field, value)
