"""`python -m tests.peer FILE`: Notes, as the file says."""
from __future__ import annotations

import sys
from pathlib import Path

from tests.peer.app import serve
from tests.peer.config import Config

if __name__ == "__main__":
    serve(Config.read(Path(sys.argv[1])))
