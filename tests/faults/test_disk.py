"""The disk is full: nothing is half applied, the answer says so, and it works again by itself when there is room."""
from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation import Installation
from tests.faults.post import Post


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 320 MB. Only root can make one."""
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320m,mode=0711", "tmpfs", str(tmp_path)], capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root")
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o711)
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes what is left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65536)
        except OSError:
            pass
    return path


def test_a_full_disk(small_disk: Path) -> None:
    post = Post()
    installation = Installation(post, within=small_disk)
    try:
        installation.ready()
        made = installation.inside("seed", people=4)
        slug, token, person = made["slug"], made["tokens"][0], made["ids"][0]
        assert installation.act(slug, token, person, "before") == 200
        filler = fill(small_disk)
        done, refused, unknown = 1, 0, 0
        for _attempt in range(400):  # until what PostgreSQL had reserved is used up too
            status = installation.act(slug, token, person, uuid.uuid4().hex)
            done, refused, unknown = done + (status == 200), refused + (status in {0, 500, 503}), unknown + (status == 0)
            if refused >= 3:
                break
            time.sleep(0.03)
        filler.unlink()
        end = time.monotonic() + 90
        while installation.act(slug, token, person, "afterwards") != 200:
            assert time.monotonic() < end, "it did not recover"
            time.sleep(1)
        plan = installation.inside("job", org=made["org"], owner=made["owner"], ids=made["ids"][1:])["plan"]
        while installation.inside("quiet", org=made["org"], plan=plan) != {"pending": 0, "unread": 0, "due": 0, "job": "done"}:
            assert time.monotonic() < end + 60
            time.sleep(1)
        found = installation.inside("audit", org=made["org"], plan=plan)
        assert found["wrong"] == found["findings"] == []
        assert done + 1 <= found["changes"][person] <= done + 1 + unknown  # who got no answer does not know; who was refused was not changed
        assert set(post.taken) == set(found["mails"])
    finally:
        installation.close()
        post.close()
