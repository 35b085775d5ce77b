"""python -m tests.benchmarks: start services, seed once, measure, print. `make bench` calls it."""
from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from portal.services.process import ServiceError
from tests.benchmarks.report import PARTS
from tests.benchmarks.services import ROOT, running


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make bench")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--scale", default="small", choices=["small", "full"])
    arguments.add_argument("--write", action="store_true", help="put the figures into docs/")
    wanted = arguments.parse_args()
    parts = [name for name in wanted.only.split(",") if name] or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        print(f"bench: unknown: {', '.join(sorted(unknown))}. Choose from {','.join(PARTS)}", file=sys.stderr)
        return 2
    folder = Path(os.environ.get("BENCH_DATA") or ROOT / ".cache" / "bench").resolve() / wanted.scale
    try:
        with running(folder) as superuser:
            _measure(parts, wanted.scale, folder, superuser, write=wanted.write)
    except KeyboardInterrupt:
        return 130
    except ServiceError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(parts: list[str], name: str, folder: Path, superuser: str, *, write: bool) -> None:
    import django

    django.setup()
    from tests.benchmarks import report, seed

    scale = seed.SCALES[name]
    orgs = seed.make(folder=folder, scale=scale, superuser=superuser)
    found = []
    for part in parts:
        print(f"\n== {part}", flush=True)
        measured = importlib.import_module(f"tests.benchmarks.part_{part}").run(orgs, scale, folder)
        report.show(measured, report.committed(name).get(part, {}))
        found.append(measured)
        if write:
            report.write(name, measured)
    goals = [goal for part in found for goal in part.goals]
    print(f"\n{sum(goal.met for goal in goals)} of {len(goals)} goals met")
    for goal in goals:
        if not goal.met and len(found) > 1:
            print(goal.line())
    print(f"Where the time goes: {folder}/*_profile.txt and *_slow.txt")


if __name__ == "__main__":
    sys.exit(main())
