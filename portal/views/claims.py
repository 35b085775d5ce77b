"""Claims of the organization: the preview of a domain, the list, and one claim with its accounts and their answers."""
from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import door, entries, notice
from accounts.actor import Actor
from accounts.claims import life
from accounts.domains.names import shown
from accounts.models import Domain
from accounts.models.claim import Choice, Standing
from accounts.models.domain import DomainState
from accounts.power import Effect
from accounts.powers.announce_claim import POWER as ANNOUNCE
from accounts.reasons import NotFound
from portal import claim_files, claims, people_csv, transfers
from portal.organization import enter
from portal.views.importing import UploadForm

PERMISSION, IDLE, WRONG_SHOWN = "manage_domains", 90, 200


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Which claims there are and how each stands."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    return render(request, "claims/index.html", {
        "rows": claims.all_of(actor.organization_id), "received": transfers.received(actor.organization_id), "offered": transfers.offered(actor.organization_id)})


class FileForm(UploadForm):
    """A file of addresses."""

    def __init__(self, *data: object, **options: object) -> None:
        super().__init__(*data, **options)
        self.fields["file"].help_text = gettext_lazy("UTF-8, with a header line and a column email; at most 10,000 rows and 5 MB. Other columns are not looked at.")


def preview(request: HttpRequest, slug: str, domain_id: UUID) -> HttpResponse:
    """How many accounts a claim of this domain would concern, by what they are and by how they are chosen; never who. A file is judged line by line."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    now, idle = timezone.now(), _days(request.GET.get("inactive_days", ""))
    domain, found = claims.preview(actor.organization_id, domain_id, now=now, inactive_days=idle)
    may = actor.scope_groups is None and domain.state == DomainState.VERIFIED and not domain.releasing
    if request.method == "POST" and not may:
        raise NotFound
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    judged = _judged(form, domain, now) if request.method == "POST" else None
    if judged is not None and judged.wrong:
        entries.record_refusal(power=ANNOUNCE, actor=actor, ids=[], codes=sorted({line.code for line in judged.wrong}), now=now)
    version = notice.in_effect(actor.organization_id, now)
    right = judged is not None and not judged.wrong
    return render(request, "claims/preview.html", {
        "domain": domain, "name": shown(domain.name), "found": found, "kinds": [(claims.KINDS[kind], number) for kind, number in found.by_kind.items()], "idle": idle,
        "choices": [(choice.value, choice.label, found.by_choice[choice]) for choice in Choice if choice != Choice.LISTED], "form": form, "judged": judged, "key": uuid4(),
        "effects": _plan(actor, domain, judged, now) if judged and right else (), "most": WRONG_SHOWN, "days": life.DEFAULT_DAYS,
        "may": may, "version": version, "powers": claims.control(version)}, status=422 if request.method == "POST" and not right else 200)


preview.body_limit = people_csv.TRIED  # type: ignore[attr-defined]


def _days(word: str) -> int:
    return min(int(word), 3650) if word.isascii() and word.isdigit() and len(word) < 6 and int(word) else IDLE


def _judged(form: FileForm, domain: Domain, now: datetime) -> claim_files.Judged | None:
    """What the file comes to; None where it could not be read, and the form says why."""
    if not form.is_valid():
        return None
    chosen = form.cleaned_data["file"]
    try:
        if chosen.size > people_csv.BYTES:
            raise people_csv.BadFile(str(gettext_lazy("The file is larger than 5 MB. Split it.")))
        return claim_files.judge(domain=domain, data=chosen.read(), now=now)
    except people_csv.BadFile as problem:
        form.add_error("file", str(problem))
        return None


def _plan(actor: Actor, domain: Domain, judged: claim_files.Judged, now: datetime) -> tuple[Effect, ...]:
    """What announcing to the accounts of the file would do."""
    data = {"domain": str(domain.id), "choice": Choice.LISTED, "addresses": judged.addresses, "days": life.DEFAULT_DAYS}
    return door.plan(power=ANNOUNCE, actor=actor, data=data, now=now).verdicts[0].effects


def detail(request: HttpRequest, slug: str, claim_id: UUID) -> HttpResponse:
    """One claim: counts by state, the accounts with a filter, objections that wait for an answer."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    found, state = claims.one(actor.organization_id, claim_id), request.GET.get("state", "")
    if state and state not in Standing.values:
        raise NotFound
    try:
        after = UUID(request.GET["cursor"]) if request.GET.get("cursor") else None
    except ValueError:
        raise NotFound from None
    page = claims.accounts(found, state=state, after=after)
    return render(request, "claims/detail.html", {
        "found": found, "state": state, "page": {"next": page.next}, "states": [(s.value, s.label) for s in Standing], "rows": [claims.Own(row) for row in page.rows],
        "may": actor.scope_groups is None,
        "objections": [claims.Own(row) for row in claims.accounts(found, state=Standing.OBJECTED).rows] if state != Standing.OBJECTED else []})
