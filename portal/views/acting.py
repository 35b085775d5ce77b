"""Acts by file: choose a file; what it would do, and what became of it, is on its job's page."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import act_file
from accounts.powers.forms import GROUNDS
from accounts.reasons import NotFound
from portal import acting, people_csv
from portal.jobs import wake
from portal.organization import enter
from portal.views.importing import UploadForm


class ActsForm(UploadForm):
    """A file of acts."""

    field_order = ("file",)

    def __init__(self, *data: object, **options: object) -> None:
        super().__init__(*data, **options)
        self.fields["file"].help_text = gettext_lazy("UTF-8, with a header line; at most 10,000 rows and 5 MB.")


def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose a file; a readable one becomes a plan to look at, an unreadable one says why."""
    actor = enter(request, slug, permission=act_file.FILE.permission)
    offered = act_file.offered(actor)
    if not offered:
        raise NotFound
    if "template" in request.GET:
        columns = [name for name in act_file.COLUMNS if name != "person_id"]
        return HttpResponse(b"".join(people_csv.write([], spreadsheet=False, columns=columns)), content_type="text/csv; charset=utf-8",
                            headers={"Content-Disposition": 'attachment; filename="acts.csv"'})
    form = ActsForm(request.POST, request.FILES) if request.method == "POST" else ActsForm()
    if request.method == "POST" and form.is_valid():
        try:
            chosen = form.cleaned_data["file"]
            if chosen.size > people_csv.BYTES:
                raise people_csv.BadFile(str(gettext_lazy("The file is larger than 5 MB. Split it.")))
            plan = acting.upload(actor=actor, table=people_csv.table(chosen.read()), now=timezone.now())
        except people_csv.BadFile as problem:
            form.add_error("file", str(problem))
        else:
            wake("many")
            return redirect("job", slug, plan.id)
    context = {"form": form, "columns": act_file.COLUMNS, "actions": offered, "grounds": [ground for ground in GROUNDS if ground[0] != "other"]}
    return render(request, "people/act.html", context, status=422 if request.method == "POST" else 200)


upload.body_limit = people_csv.TRIED  # type: ignore[attr-defined]
