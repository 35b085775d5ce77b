"""Where the time goes: the queries of something with their plans, and a profile of the Python in between. For whoever makes it faster."""
from __future__ import annotations

import cProfile
import pstats
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from io import StringIO
from pathlib import Path

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext


def queries(run: Callable[[], object]) -> list[str]:
    """The statements of one call."""
    with CaptureQueriesContext(connection) as captured:
        run()
    return [query["sql"] for query in captured]


def write(run: Callable[[], object], path: Path, *, title: str, scope: Callable[[], AbstractContextManager[None]] = nullcontext, times: int = 200) -> list[str]:
    """Write statements, plans and profile of `run` to a file; gives the statements of one call."""
    found = queries(run)
    lines = [title, "", f"{len(found)} statements of one call:"]
    for number, text in enumerate(found, start=1):
        with scope():
            lines += ["", f"{number:2} {text[:1500]}", *(f"        {line}" for line in _plan(text))]

    def often() -> None:
        for _n in range(times):
            run()

    path.write_text("\n".join(lines) + f"\n\n{times} calls under cProfile:\n{python(often)}")
    return found


def python(run: Callable[[], object]) -> str:
    """What cProfile says of one call, by cumulative and by own time."""
    profile = cProfile.Profile()
    profile.enable()
    run()
    profile.disable()
    out = StringIO()
    out.write("cProfile slows Python down: read shares, not times.\n")
    stats = pstats.Stats(profile, stream=out)
    for order in ("cumulative", "tottime"):
        stats.sort_stats(order).print_stats(50)
    return out.getvalue()


def slow(run: Callable[[], object], *, scope: Callable[[], AbstractContextManager[None]] = nullcontext, least: float = 2.0) -> list[str]:
    """The statements of one call that take PostgreSQL at least so many milliseconds to plan and to run, with their plans within `scope`."""
    found = []
    for text in queries(run):
        with scope():
            plan = _plan(text)
        took = sum(float(t) for t in re.findall(r"(?:Planning|Execution) Time: ([\d.]+) ms", "\n".join(plan)))
        if took >= least:
            found += [f"{took:.1f} ms: {text[:1500]}", *(f"        {line}" for line in plan), ""]
    return found


def _plan(text: str) -> list[str]:
    """How PostgreSQL answers a SELECT; nothing for what writes."""
    if not text.startswith("SELECT") or "audit_open" in text or "set_config" in text:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, SUMMARY) {text.replace('%', '%%')}")
        return [row[0] for row in cursor.fetchall()]
