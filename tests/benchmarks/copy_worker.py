"""Makes one copy in a process of its own, as the worker does, and says how long that took and how much memory it needed."""
from __future__ import annotations

import json
import resource
import sys
from uuid import UUID

import django

django.setup()

from django.utils import timezone  # noqa: E402

from dsar.export import run  # noqa: E402
from tests.benchmarks.measure import once  # noqa: E402

if __name__ == "__main__":
    seconds = once(lambda: run.resume(now=timezone.now(), only=UUID(sys.argv[1])))
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
