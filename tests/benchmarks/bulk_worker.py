"""Carries one plan out in a process of its own, and says how long that took and how much memory it needed."""
from __future__ import annotations

import json
import resource
import sys
from uuid import UUID

import django

django.setup()

from accounts import bulk_run  # noqa: E402
from tests.benchmarks.measure import once  # noqa: E402

if __name__ == "__main__":
    seconds = once(lambda: bulk_run.run(plan_id=UUID(sys.argv[1]), organization_id=UUID(sys.argv[2])))
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
