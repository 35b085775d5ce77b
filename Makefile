# `make run` starts Steward on embedded services; `make test` runs every check. Both do all the set-up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test lock clean install-run install-test

run: install-run
	@exec env PORT="$(PORT)" DATA="$(DATA)" HOST="$(HOST)" "$(PY)" -m portal.services.supervisor

test: install-test
	@"$(PY)" -m tests.chromium
	"$(PY)" -m ruff check .
	"$(PY)" -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	STEWARD_SECRET_KEY=$$(printf 'x%.0s' {1..40}) "$(PY)" manage.py makemigrations --check --dry-run --skip-checks 2>/dev/null
	"$(PY)" -m pytest -n 2 -q

install-run:
	@"$(PYTHON)" portal/install.py "$(VENV)" requirements.txt requirements-embedded.txt

install-test:
	@"$(PYTHON)" portal/install.py "$(VENV)" requirements.txt requirements-embedded.txt requirements-test.txt

# For maintainers: resolves the *.in files anew (needs uv).
lock:
	for name in requirements requirements-embedded requirements-test; do \
	  uv pip compile $$name.in --upgrade --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header -q -o $$name.txt; done

clean:
	rm -rf "$(VENV)" .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
