"""Recipients and transfers, the record of processing through time, and the report about disclosures (policy D3, D5)."""
from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts import tenancy
from accounts.models import Account, Organization
from accounts.reasons import Refused
from dsar.registers import countries, recipients, report, versions
from dsar.registers.models import Disclosure, Recipient
from tests.browse import client_for
from tests.cast import Org, World
from tests.dsar.copies import copy_of
from tests.registers.acts import do, entries, mails, pass_time, record, told
from tests.situations import DATA, arrange, disclosure_for

NOW = datetime.now
DAY = timedelta(days=1)


def refused(org: Org, slug: str, **data: Any) -> list[str]:
    with pytest.raises(Refused) as found:
        do(org, slug, **data)
    return found.value.codes


def test_a_transfer_abroad_needs_something_that_makes_it_lawful(world: World, tmp_path: Path) -> None:
    """Blocked without; with an exception it is written down and pointed out. The person reads it on their page and in their copy; when it ends, it is of the past."""
    org, worker = world.north, world.north.person("worker")
    assert refused(org, "add-recipient", country="US") == ["no_mechanism"]
    assert refused(org, "add-recipient", country="FR", mechanism="clauses") == ["mechanism_not_needed"]
    do(org, "add-recipient", name="Mail <i>Works</i>", country="US", mechanism="derogation", derogation="contract", document="ask kim@elsewhere.example")
    assert refused(org, "add-recipient", name="Mail <i>Works</i>") == ["recipient_there"]
    do(org, "add-recipient", name="Far Hosting", country="IN", mechanism="adequacy")
    page = client_for(org.person("privacy-officer")).get(f"/o/{org.slug}/registers/recipients/").content.decode()
    assert page.count("Look at it") == 2 and "An exception carries single transfers" in page and "No decision that data is safe" in page and "Mail &lt;i&gt;Works" in page
    do(org, "change-recipient", recipient="Far Hosting", name="Far Hosting", country="IN", mechanism="clauses", document="Contract 9")
    assert "No decision" not in client_for(org.person("legal")).get(f"/o/{org.slug}/registers/recipients/").content.decode()
    mine = client_for(worker).get("/me/recipients/").content.decode()
    assert "Far Hosting" in mine and "India" in mine and "Standard contractual clauses" in mine and "Contract 9" in mine
    folder = copy_of(worker, tmp_path)
    told = json.loads((folder / "data/summary.json").read_text())["recipients"]
    assert {one["name"] for one in told} == {"Mail <i>Works</i>", "Far Hosting"} and "kim@" not in json.dumps(told) and "Mail &lt;i&gt;" in (folder / "data/README.html").read_text()
    do(org, "end-recipient", recipient="Far Hosting")
    assert refused(org, "end-recipient", recipient="Far Hosting") == ["unknown_recipient"]
    assert "Far Hosting" not in client_for(worker).get("/me/recipients/").content.decode()
    do(org, "add-recipient", name="Far Hosting", country="DE")  # the name is free again
    do(org, "set-controller", country="CH")
    with tenancy.scope(org=org.organization.id):
        assert [list(one.findings) for one in recipients.listed(org.organization.id) if one.row.name == "Far Hosting"] == [["Nothing is stated that makes the transfer to this country lawful."]], "seen from Switzerland"
    assert refused(world.contoso, "end-recipient", recipient="Mail <i>Works</i>") == ["unknown_recipient"]
    arrange(lambda: Recipient.objects.filter(organization=org.organization).update(country="XX"))  # a country that is none any more
    assert client_for(org.person("owner")).get(f"/o/{org.slug}/registers/recipients/").status_code == 200


def test_the_list_of_decisions(tmp_path: Path, settings: Any) -> None:
    """Every country has a name; a list that cannot be read, or names what is no country, is refused with words."""
    assert len(countries.names()) == 249 and countries.inside("FR", home=countries.group("DE")) and not countries.inside("GB", home="EEA") and countries.adequate("GB", home="EEA")
    for text, words in (("[EEA]\nsource = 1\n", "cannot be read"), ("nonsense", "cannot be read"), ('[EEA]\ncountries = ["XX"]\n', "nobody knows XX")):
        settings.ADEQUACY = str(tmp_path / "list.toml")
        (tmp_path / "list.toml").write_text(text)
        countries._decisions.cache_clear()
        with pytest.raises(ImproperlyConfigured, match=words):
            countries.adequate("GB", home="EEA")
    countries._decisions.cache_clear()


def test_what_was_true_on_a_day(world: World) -> None:
    """A version whenever something changed, and none when nothing did; each day shows its own, as page, CSV and JSON; nothing of it can be changed."""
    org, now = world.north, NOW(UTC)
    organization = org.organization

    def keep(at: datetime) -> int:
        with tenancy.installation("a test keeps the record"):
            found = versions.keep(organization, now=at)
            return found.number if found else 0

    assert (keep(now - 30 * DAY), keep(now - 20 * DAY)) == (1, 0)
    do(org, "add-recipient", name="Payroll Ltd", country="US", mechanism="clauses", document="C1", purposes=["account"])
    do(org, "set-controller", name="North Limited", officer="Dr Data", officer_contact="dpo@north.example", measures="Locks.\nKeys.", country="DE", address="1 Street")
    assert (keep(now - 10 * DAY), keep(now - 9 * DAY)) == (2, 0)
    do(org, "end-recipient", recipient="Payroll Ltd")
    client, base = client_for(org.person("privacy-officer")), f"/o/{org.slug}/processing"
    on = lambda days: (now - days * DAY).date().isoformat()  # noqa: E731
    past, then, today = (json.loads(client.get(f"{base}.json?on={on(days)}").content) for days in (15, 5, 0))
    assert past["version"] == 1 and past["recipients"] == [] and past["controller"] == org.organization.name and past["as_of"] == on(15)
    assert then["version"] == 2 and then["controller"] == "North Limited" and then["data_protection_officer"] == "Dr Data · dpo@north.example"
    account = next(one for one in then["activities"] if one["key"] == "account")
    assert "Payroll Ltd (Processor: works for the organization, as it says, United States)" in account["recipients"] and account["transfers"] == ["Payroll Ltd, United States: Standard contractual clauses (GDPR Art. 46(2)(c))"]
    assert "version" not in today and today["recipients"] == [] and today["security_measures"] == "Locks.\nKeys."
    rows = list(csv.DictReader(io.StringIO(client.get(f"{base}.csv?on={on(5)}").content.decode())))
    assert {row["controller"] for row in rows} == {"North Limited"} and any("Payroll Ltd" in row["recipients"] for row in rows)
    page = client.get(f"{base}/?on={on(5)}").content.decode()
    assert "This is version 2" in page and "Payroll Ltd" in page and client.get(f"{base}/?on={on(60)}").content.decode().count("No record was kept yet") == 1
    assert client.get(f"{base}.json?on={on(60)}").status_code == 404
    for bad in ("2026-02-30", "tomorrow", "9999-12-31", "0001-01-01", "20260101", "x" * 5000):
        assert client.get(f"{base}/", {"on": bad}).status_code == 422 and client.get(f"{base}.json", {"on": bad}).status_code == 404
    api = f"/api/v1/orgs/{org.slug}/processing/"
    assert client.get(f"{api}?on={on(5)}").json()["version"] == 2 and client.get(f"{api}?on=2026-02-30").status_code == 422 and client.get(api).json()["controller"] == "North Limited"
    assert [one["facts"]["number"] for one in entries(org, "register.record_changed")] and entries(org, "register.record_changed")[-1]["facts"]["digest"] == versions.digest({k: v for k, v in then.items() if k not in {"version", "as_of"}})
    assert "Dr Data" in client_for(org.person("worker")).get("/me/recipients/").content.decode()


def test_when_an_organization_has_ended(world: World) -> None:
    """Nobody is named for it any more; and whom a prohibition kept in the dark hears of it all the same."""
    org, now = world.north, NOW(UTC)
    row = record(org, org.person("worker"), secret_until=now.date() + 3 * DAY, secret_basis="Order 17")
    do(org, "set-controller", name="North Limited", officer="Dr Data", officer_contact="dpo@north.example")
    recipients.run(now=now)
    arrange(lambda: Organization.objects.filter(id=org.organization.id).update(status="deleted"))
    recipients.run(now=now)
    with tenancy.scope(org=org.organization.id):
        found = recipients.controller(org.organization.id)
        assert (found.name, found.officer, found.officer_contact) == ("North Limited", "", "")
    pass_time(now + 5 * DAY)
    assert [one.disclosure for one in told(org.person("worker"))] == [row.entry] and mails(org.person("worker"), "disclosure-told")


@given(st.integers(0, 10**9))
def test_bands(number: int) -> None:
    """A number lies in its band, and of one to four nobody knows which."""
    words = report.band(number)
    if number == 0:
        assert words == "0"
    elif number < 5:
        assert words == "1–4"
    elif "–" in words:
        least, most = map(int, words.split("–"))
        assert least <= number <= most and most >= least + 4
    else:
        assert number >= 100_000


def test_the_report(world: World) -> None:
    """Exact for those who keep the register; for everybody only if it is switched on, in bands, of years that are over. Nothing of it can be worked out from the rest."""
    org, now = world.north, NOW(UTC)
    year = now.year - 1
    day = datetime(year, 2, 28).date()

    def fill() -> None:
        for n in range(7):
            disclosure_for(org, org.person("worker"), received_on=day, kind="court" if n < 2 else "authority", country="FR" if n < 2 else "DE", outcome="refused" if n else "", secret_until=datetime(2031, 1, 1).date() if n == 3 else None,
                           told_at=now if n == 4 else None)
        disclosure_for(org, org.person("worker"), received_on=now.date())

    arrange(fill)
    client, base = client_for(org.person("legal")), f"/o/{org.slug}/registers/report"
    exact = client.get(f"{base}.json?first={year}-01-01&last={year}-12-31").json()
    assert {(one["part"], one["key"]): one["number"] for one in exact["numbers"]} == {
        ("requests", "all"): "7", ("kind", "authority"): "5", ("kind", "court"): "2", ("kind", "other"): "0", ("country", "FR"): "2", ("country", "DE"): "5", ("outcome", "open"): "1", ("outcome", "given"): "0",
        ("outcome", "partly"): "0", ("outcome", "refused"): "6", ("people", "all"): "7", ("told", "told"): "1", ("told", "nobody"): "0", ("told", "forbidden"): "1", ("told", "not_yet"): "5"}
    rows = list(csv.DictReader(io.StringIO(client.get(f"{base}.csv?first={year}-01-01&last={year}-12-31").content.decode())))
    assert [(row["part"], row["key"], row["number"]) for row in rows] == [(one["part"], one["key"], one["number"]) for one in exact["numbers"]]
    assert client.get(f"{base}/?first=2026-02-30").status_code == 422 and client.get(f"{base}.csv?first=9&last=8").status_code == 404 and client.get(f"{base}.xml").status_code == 404
    assert client.get(f"/api/v1/orgs/{org.slug}/transparency-report/?year={year}").json()["numbers"] == exact["numbers"]
    public = f"/transparency/{org.slug}/"
    anybody = Client()
    assert anybody.get(public).status_code == 404
    do(org, "publish-transparency-report")
    page = anybody.get(public).content.decode()
    assert "1–4" in page and "5–9" in page and "Prosecutor" not in page
    shown = anybody.get(f"{public}report.json").json()
    assert shown["in_bands"] and {one["number"] for one in shown["numbers"]} == {"0", "1–4", "5–9"} and not any("forbidden" in one["key"] for one in shown["numbers"])
    assert anybody.get(f"{public}?year={now.year}").status_code == 404 and anybody.get(f"{public}?year=x").status_code == 404, "the year that goes on is nobody's to watch"
    # the same whether or not there is one that may not be told
    arrange(lambda: disclosure_for(org, org.person("worker"), received_on=day, kind="court", country="FR", outcome="refused", secret_until=datetime(2031, 1, 1).date()))
    assert anybody.get(f"{public}report.json").json() == shown
    do(org, "hide-transparency-report")
    assert anybody.get(public).status_code == 404 and refused(org, "hide-transparency-report") == ["nothing_to_change"]
    assert client_for(org.person("owner")).get("/operator/transparency/").status_code == 404
    arrange(lambda: Account.objects.filter(id=org.person("guest").account_id).update(is_operator=True))
    operator = client_for(org.person("guest"))
    found = operator.get("/operator/transparency/")
    assert found.status_code == 200 and org.organization.name not in found.content.decode().split("<main")[1] and operator.get("/operator/transparency.json").json()["in_bands"]


def test_a_cell_is_no_formula(world: World) -> None:
    record(world.north)
    arrange(lambda: Organization.objects.filter(id=world.north.organization.id).update(name="=1+2"))
    text = client_for(world.north.person("owner")).get(f"/o/{world.north.slug}/registers/report.csv").content.decode()
    assert next(csv.DictReader(io.StringIO(text)))["organization"] == "'=1+2"


def test_who_keeps_the_registers(standing: World) -> None:
    """Everybody else does not learn that there is one."""
    org = standing.north
    for name, status in (("owner", 200), ("administrator", 200), ("privacy-officer", 200), ("legal", 200), ("security", 404), ("auditor", 404), ("help-desk", 404), ("member", 404)):
        client = client_for(org.person(name))
        for page in ("", "recipients/", "report/", "transfer/"):
            assert client.get(f"/o/{org.slug}/registers/{page}").status_code == status, (name, page)
        assert ("Registers" in client.get(f"/o/{org.slug}/?services").content.decode()) == (status == 200)
    assert DATA["record-disclosure"] and Disclosure._meta.db_table == "dsar_disclosure"
