"""Tells, or starts, everything that is due of claims in a process of its own, and says how long that took and how much memory it needed."""
from __future__ import annotations

import json
import resource
import sys
from datetime import timedelta

import django

django.setup()

from django.utils import timezone  # noqa: E402

from accounts.claims import running  # noqa: E402
from tests.benchmarks.measure import once  # noqa: E402

if __name__ == "__main__":
    now = timezone.now() + timedelta(days=int(sys.argv[1]))
    seconds = once(lambda: running.run(now=now, seconds=3600))
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
