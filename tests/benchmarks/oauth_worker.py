"""Clears what people hold of a removed app in a process of its own, as the worker's job does, and says how long that took and how much memory it needed."""
from __future__ import annotations

import json
import resource

import django

django.setup()

from django.utils import timezone  # noqa: E402

from accounts.catalogue import running  # noqa: E402
from tests.benchmarks.measure import once  # noqa: E402


def main() -> None:
    def clear() -> None:
        while running.clear(now=timezone.now()):
            pass

    seconds = once(clear)
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


if __name__ == "__main__":
    main()
