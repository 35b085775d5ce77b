"""Import and export of the people list. What becomes of an import is on its job's page."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import entries, listing_query, purposes
from accounts.actor import Actor
from accounts.tenancy import scope
from audit import recording
from audit.record import EntryDraft, TargetRef
from portal import importing, people_csv
from portal.jobs import wake
from portal.organization import enter

PERMISSION = "import_people"
_CHUNK = 2000


class UploadForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("CSV file"), help_text=gettext_lazy("UTF-8, with a header line; at most 10,000 rows and 5 MB. The only column needed is the e-mail address."),
                           widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))


def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose a file; a readable one becomes a plan to look at, an unreadable one says why."""
    actor = enter(request, slug, permission=PERMISSION)
    if "template" in request.GET:
        return HttpResponse(b"".join(people_csv.write([], spreadsheet=False, columns=tuple(people_csv.USED))), content_type="text/csv; charset=utf-8",
                            headers={"Content-Disposition": 'attachment; filename="people.csv"'})
    form = UploadForm(request.POST or None, request.FILES or None) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        try:
            chosen = form.cleaned_data["file"]
            if chosen.size > people_csv.BYTES:
                raise people_csv.BadFile(str(gettext_lazy("The file is larger than 5 MB. Split it.")))
            plan = importing.upload(actor=actor, table=people_csv.table(chosen.read()), now=timezone.now())
        except people_csv.BadFile as problem:
            form.add_error("file", str(problem))
        else:
            wake("many")
            return redirect("job", slug, plan.id)
    return render(request, "people/import.html", {"form": form, "used": people_csv.USED}, status=422 if request.method == "POST" else 200)


upload.body_limit = people_csv.TRIED  # type: ignore[attr-defined]


def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The people list, or what a filter leaves of it, as a file: byte-exact, or with ?for=spreadsheet safe to open in one.

    The export is itself an entry.
    """
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    want, spreadsheet = listing_query.wanted(request.GET), request.GET.get("for") == "spreadsheet"
    record_export(actor)
    return StreamingHttpResponse(people_csv.write(people(actor.organization_id, want, actor.scope_groups), spreadsheet=spreadsheet), content_type="text/csv; charset=utf-8",
                                 headers={"Content-Disposition": f'attachment; filename="{slug}-people.csv"'})


def record_export(actor: Actor) -> None:
    """That somebody took the list away is itself in the log."""
    assert actor.organization_id is not None
    with transaction.atomic(), recording.opened(org=actor.organization_id, now=timezone.now()) as act:
        act.write([EntryDraft(org=actor.organization_id, action="people.exported", category="people", outcome="success", actor=entries.actor_ref(actor),
                              targets=[TargetRef(type="organization", id=actor.organization_id)], via=actor.via)])


_COLUMNS = """m.id, a.email, a.name, a.status, m.status, r.slug,
 (SELECT string_agg(replace(replace(g.name, '\\', '\\\\'), ';', '\\;'), ';' ORDER BY g.name)
  FROM accounts_groupmembership gm JOIN accounts_group g ON g.id = gm.group_id WHERE gm.membership_id = m.id),
 CASE WHEN mg.organization_id = m.organization_id THEN 'yes' ELSE 'no' END, to_char(m.last_active_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
 CASE WHEN a.has_second_factor THEN 'yes' ELSE 'no' END, to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
 to_char(m.status_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), m.reason_code, m.title, m.department, CASE WHEN m.status <> 'removed' THEN m.contract_ends_on END"""


def people(organization_id: UUID, want: listing_query.Wanted, groups: frozenset[UUID] | None) -> Iterator[tuple[Any, ...]]:
    """Members in portions, in the order of their names; each is read in a scope of its own, because the request's is gone when the answer is written."""
    last: tuple[str, Any] | None = None
    while True:
        where, values = listing_query.filters(organization_id, want, groups=groups)
        if last is not None:
            where.append("(m.list_name, m.id) > (%s, %s)")
            values += last
        with scope(org=organization_id, purpose=purposes.EXPORT), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {_COLUMNS}, m.list_name FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id JOIN accounts_role r ON r.id = m.role_id"
                f" LEFT JOIN accounts_management mg ON mg.account_id = a.id WHERE {' AND '.join(where)} ORDER BY m.list_name, m.id LIMIT %s", [*values, _CHUNK])
            found = cursor.fetchall()
        yield from (row[:-1] for row in found)
        if len(found) < _CHUNK:
            return
        last = (found[-1][-1], found[-1][0])
