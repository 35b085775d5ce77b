"""Measuring: variants in short shuffled slices, each compared with the baseline of the same round."""
from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Figure:
    """What one variant took: each round's mean relative to the baseline's, and every single call in milliseconds."""

    name: str
    ratios: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.ratios) < 2:
            return self.ratio, self.ratio
        low, _middle, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    def percentile(self, p: int) -> float:
        """Milliseconds of one call."""
        ordered = sorted(self.calls)
        return ordered[min(len(ordered) - 1, len(ordered) * p // 100)]

    def as_json(self) -> dict[str, float | str]:
        low, high = self.quartiles
        return {"name": self.name, "ratio": round(self.ratio, 3), "low": round(low, 3), "high": round(high, 3), "p50": round(self.percentile(50), 3), "p99": round(self.percentile(99), 3)}


@dataclass(frozen=True)
class Pace:
    """How many rounds, how long one slice is, and when to stop earlier because what is measured is slow."""

    rounds: int
    seconds: float
    limit: float = 150


def slices(variants: dict[str, Callable[[], object]], *, baseline: str, pace: Pace) -> dict[str, Figure]:
    """Run every variant for a slice in each round, in random order. The first calls, which fill caches, do not count."""
    figures = {name: Figure(name) for name in variants}
    for run in variants.values():
        run()
    order, start = list(variants), time.monotonic()
    for number in range(pace.rounds):
        if number >= 3 and time.monotonic() - start > pace.limit:
            break
        random.shuffle(order)
        means = {name: _slice(variants[name], figures[name], pace.seconds) for name in order}
        for name in order:
            figures[name].ratios.append(means[name] / means[baseline])
    return figures


def _slice(run: Callable[[], object], figure: Figure, seconds: float) -> float:
    end, took = time.perf_counter() + seconds, []
    while not took or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        took.append((time.perf_counter() - start) * 1000)
    figure.calls += took
    return statistics.fmean(took)


def once(run: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def load() -> str:
    """How busy the machine is: what every table says beside its figures."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
