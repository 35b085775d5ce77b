"""`manage.py verify_audit`: one line for each log, findings below it, and an exit code for whoever runs it by the clock."""
from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from audit.verify import verify
from tests.audit.logs import Log, number_all, tampering
from tests.cast import World


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("verify_audit", *arguments, stdout=out, stderr=err)
    return int(end.value.code or 0), out.getvalue(), err.getvalue()


def test_one_organization(world: World) -> None:
    number_all()
    code, out, _err = run("--org", world.north.slug)
    assert code == 0
    assert out == f"{world.north.slug}: 1 entries, root {verify(org=world.north.organization.id).root}, ok\n"


def test_findings_end_with_one(world: World) -> None:
    log = Log(org=world.contoso.organization.id)
    log.write(60)
    number_all()
    try:
        with tampering() as attacker:
            attacker.execute("UPDATE audit_leaf SET action = 'test.harmless' WHERE org = %s AND seq > 1", [log.org])
        code, out, _err = run("--org", world.contoso.slug)
        lines = out.splitlines()
        out_one = lines[0]
        assert code == 1
        assert lines[0].startswith(f"{world.contoso.slug}: 61 entries, root ")
        assert lines[0].endswith(", 60 findings")
        assert lines[1] == "    entry 2: what searches see differs from the record"
        assert (len(lines), lines[-1]) == (52, "    and 10 more")
        code, out, _err = run()  # over every log there is: each has a line, and none but this one has findings
        lines = [line for line in out.splitlines() if not line.startswith("    ")]
        assert code == 1 and f"{world.north.slug}: 1 entries, root {verify(org=world.north.organization.id).root}, ok" in lines
        assert [line for line in lines if not line.endswith(", ok")] == [out_one]
        assert run("--org", world.north.slug)[0] == 0
    finally:
        log.forget()


def test_an_organization_that_is_not_there(world: World) -> None:
    assert run("--org", "nobody") == (2, "", "steward: there is no organization 'nobody'\n")
