# `make run` starts Steward on embedded services; `make test` runs every check. Both do all the set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test guide faults drill backup restore bench lock clean install-run install-test install-bench

run: install-run
	@exec env PORT="$(PORT)" DATA="$(DATA)" HOST="$(HOST)" "$(PY)" -m portal.services.supervisor

test: install-test
	@"$(PY)" -m tests.chromium
	@"$(PY)" -m tests.node
	"$(PY)" -m ruff check .
	"$(PY)" -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	STEWARD_SECRET_KEY=$$(printf 'x%.0s' {1..40}) "$(PY)" manage.py makemigrations --check --dry-run --skip-checks 2>/dev/null
	"$(PY)" -m pytest -n 4 --dist worksteal -q

# Takes the pictures of the admin guide anew.
# 10,000 acts while everything is killed at random; prints a verdict. Takes about a quarter of an hour.
faults: install-test
	STEWARD_FAULT_ACTS=$(or $(ACTS),10000) "$(PY)" -m pytest -q -s tests/faults/test_chaos.py

guide: install-test
	@"$(PY)" -m tests.chromium
	mkdir -p docs/guide/pictures && rm -f docs/guide/pictures/*.png
	STEWARD_GUIDE="$(CURDIR)/docs/guide/pictures" "$(PY)" -m pytest -q tests/browser/test_guide.py

# Makes a backup and a bad week, restores into an empty cluster, replays the ledger, and looks for everybody who should not be there; prints a verdict.
drill: install-test
	@"$(PY)" -m pytest -q -s --no-header tests/ledger/test_drill.py && echo "drill: passed" || { echo "drill: FAILED; do not rely on your backups before you know why" >&2; exit 1; }

# Encrypted archives of both databases into STEWARD_BACKUPS; with DATA=… of a running `make run`. Bring one back: make restore ARCHIVE=…
backup: install-run
	@env $(if $(DATA),STEWARD_DATA="$(DATA)") "$(PY)" manage.py backup

restore: install-run
	@env $(if $(DATA),STEWARD_DATA="$(DATA)") "$(PY)" manage.py restore "$(ARCHIVE)" $(if $(OVER),--over)

install-run:
	@"$(PYTHON)" portal/install.py "$(VENV)" requirements.txt requirements-embedded.txt

install-test:
	@"$(PYTHON)" portal/install.py "$(VENV)" requirements.txt requirements-embedded.txt requirements-test.txt

# How long things take, relative to something in the same run: make bench ONLY=act,lists SCALE=full; WRITE=1 puts the figures into docs/.
bench: install-bench
	@"$(VENV)-bench/bin/python" -m tests.benchmarks --only "$(ONLY)" --scale "$(or $(SCALE),small)" $(if $(WRITE),--write)

install-bench:
	@"$(PYTHON)" portal/install.py "$(VENV)-bench" requirements.txt requirements-embedded.txt requirements-test.txt requirements-bench.txt

# For maintainers: resolves the *.in files anew (needs uv).
lock:
	for name in requirements requirements-embedded requirements-test requirements-bench; do \
	  uv pip compile $$name.in --upgrade --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -q -o $$name.txt; done

clean:
	rm -rf "$(VENV)" "$(VENV)-bench" .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
