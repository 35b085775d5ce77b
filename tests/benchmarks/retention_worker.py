"""One run of retention in a process of its own: what it took, printed as JSON. It says when it begins."""
from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import django

django.setup()

from accounts import tenancy  # noqa: E402
from dsar.retention import running  # noqa: E402
from dsar.retention.models import RetentionRun, RunState  # noqa: E402


def main() -> None:
    run_id = UUID(sys.argv[1])
    print("begun", flush=True)
    start = time.perf_counter()
    with tenancy.installation("the benchmarks carry a run out"):
        while RetentionRun.objects.filter(id=run_id, state=RunState.RUNNING).exists():
            running._carry(run_id, datetime.now(UTC) + timedelta(seconds=60))
        row = RetentionRun.objects.get(id=run_id)
    print(json.dumps({"seconds": time.perf_counter() - start, "removed": row.removed, "state": row.state}), flush=True)


if __name__ == "__main__":
    main()
