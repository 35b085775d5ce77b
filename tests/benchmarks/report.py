"""What is printed and written down: tables, goals, and how it was the last time."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Figure, load

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("act", "bulk", "due", "claims", "lists", "audit", "export", "copy", "retention", "sequencer", "permissions", "ledger", "webhooks", "oauth")
FIGURES, PAGE = ROOT / "docs" / "figures.json", ROOT / "docs" / "figures.md"


@dataclass(frozen=True)
class Goal:
    """A figure and what it should be: at most `limit`, or at least, where more is better."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        sign = "≥" if self.at_least else "≤"
        missed = "" if self.met else f", missed by {abs(self.value / self.limit - 1):.0%}"
        return f"{'met   ' if self.met else 'MISSED'}  {self.name}: {_number(self.value)} (goal {sign} {_number(self.limit)}{missed})"


@dataclass
class Table:
    """Variants that were measured against one baseline in the same rounds."""

    title: str
    baseline: str
    figures: list[Figure]


@dataclass
class Part:
    """One of the things `make bench` measures."""

    name: str
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    load: str = field(default_factory=load)

    def as_json(self) -> dict[str, Any]:
        return {"load": self.load, "facts": self.facts, "goals": [{"name": g.name, "value": round(g.value, 3), "limit": g.limit, "at_least": g.at_least} for g in self.goals],
                "tables": [{"title": t.title, "baseline": t.baseline, "rows": [f.as_json() for f in t.figures]} for t in self.tables]}


def committed(scale: str) -> dict[str, Any]:
    """The figures that stand in docs/ for this scale, by part."""
    try:
        return json.loads(FIGURES.read_text()).get(scale, {})
    except (OSError, ValueError):
        return {}


def show(part: Part, before: dict[str, Any]) -> None:
    """Print one part, each figure beside the one that stands in docs/."""
    old = {row["name"]: row["ratio"] for table in before.get("tables", []) for row in table["rows"]}
    old_goals = {goal["name"]: goal["value"] for goal in before.get("goals", [])}
    for table in part.tables:
        print(f"\n{table.title}  (load {part.load})\n{'':44}{'× baseline':>11}{'quartiles':>16}{'p50 ms':>10}{'p99 ms':>10}{'in docs':>10}")
        for figure in table.figures:
            row = figure.as_json()
            last = f"{old[figure.name]:.2f}" if figure.name in old else "–"
            print(f"{figure.name:44}{row['ratio']:11.2f}{row['low']:9.2f}–{row['high']:<6.2f}{row['p50']:10.2f}{row['p99']:10.2f}{last:>10}")
    print()
    for name, value in part.facts.items():
        print(f"        {name}: {value}")
    for goal in part.goals:
        last = f"   (in docs: {_number(old_goals[goal.name])})" if goal.name in old_goals else ""
        print(goal.line() + last, flush=True)


def write(scale: str, part: Part) -> None:
    """Put the figures of one part into docs/; the others stay as they are."""
    try:
        every = json.loads(FIGURES.read_text())
    except (OSError, ValueError):
        every = {}
    found = {**every.get(scale, {}), part.name: part.as_json()}
    every[scale] = {name: found[name] for name in PARTS if name in found}
    FIGURES.write_text(json.dumps(every, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(_page(every))


_HEAD = """# Figures

Written by `make bench WRITE=1`; `figures.json` has the same for programs, and every `make bench` prints its own figures beside these.

`make bench` takes a few minutes with `SCALE=small` (the default). `SCALE=full` makes a million people and five million entries first, once (about ten minutes and fifteen gigabytes, kept in
`.cache/bench` or in `BENCH_DATA=…`). `ONLY=act,bulk,due,lists,audit,export,copy,sequencer,permissions,ledger,webhooks,oauth` chooses. It starts a PostgreSQL and a Valkey of its own and ends them.

Machines are shared and noisy, so only ratios taken in one run mean anything: variants run in short slices in random order, each variant's time is divided by the
baseline's of the same round, and the tables show the median and the quartiles of that. Milliseconds, and entries a second, are of one machine under the load that stands there.
A goal that is missed stands here as missed.
"""


def _page(every: dict[str, Any]) -> str:
    lines = [_HEAD]
    for scale in ("full", "small"):
        if scale not in every:
            continue
        from tests.benchmarks.seed import SCALES

        size = SCALES[scale]
        lines.append(f"\n## `SCALE={scale}`: {size.people:,} people in {size.organizations} organizations, {size.big:,} of them in one; {size.entries:,} entries\n")
        for part in every[scale].values():
            lines += _part(part)
    return "\n".join(lines) + "\n"


def _part(part: dict[str, Any]) -> list[str]:
    lines = []
    for table in part["tables"]:
        lines += [f"\n### {table['title']}\n", f"Load of the machine: {part['load']}.\n", "| | × baseline | quartiles | p50 ms | p99 ms |", "|---|---:|---:|---:|---:|"]
        lines += [f"| {r['name']} | {r['ratio']:.2f} | {r['low']:.2f}–{r['high']:.2f} | {r['p50']:.2f} | {r['p99']:.2f} |" for r in table["rows"]]
    lines.append("")
    lines += [f"- {name}: {value}" for name, value in part["facts"].items()]
    for goal in part["goals"]:
        made = Goal(**goal)
        lines.append(f"- {'Met' if made.met else '**Missed**'}: {made.name}, {_number(made.value)} (goal {'at least' if made.at_least else 'at most'} {_number(made.limit)})")
    return lines


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
