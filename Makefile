# `make demo` and `make test` need Python 3.11 or newer with its venv module, and nothing else:
# no camera, no GPU, no torch. `make help` lists the targets.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TRAIN  := .venv-train

# More arguments: `make demo DEMO="--seconds 120"`, `make test TESTS="-k retention -n 0"`,
# `make train-tiny TINY="--help"`, `make soak SOAK="--minutes 10"`,
# `make setup PIP_ARGS="--no-index --find-links wheels"`.
DEMO     ?=
TESTS    ?=
TINY     ?=
SOAK     ?=
TRAIN_ARGS ?=
FUZZ     ?=
PIP_ARGS ?=

# The quick tests run in a process for each core. A file stays in one of them, for what its tests
# share; more than eight cores would only wait for the longest file.
SPREAD = -n auto --maxprocesses 8 --dist loadfile

# Errors only: pip's other lines would name the machine's package sources.
PIP_INSTALL = -m pip install --quiet --quiet --disable-pip-version-check $(PIP_ARGS)
# The build backend comes from the constraints too, hence no build isolation.
EDITABLE    = --no-build-isolation --editable

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-training demo test check lint format-check types floors \
	docstrings bench explore fuzz soak train train-tiny test-training lock \
	wheels sbom audit deb try-service clean

help:
	@echo "make demo        install into $(VENV), then run everything on a synthetic clip"
	@echo "make test        the quick tests"
	@echo "make setup       install only: $(BIN)/omokage"
	@echo "make check       lint, format, types, import contracts, docstrings"
	@echo "make bench       benchmarks, with their numbers"
	@echo "make soak        the agent for an hour: memory, files, threads, log, timing"
	@echo "make train DATA=DIR TASK=au|emotion SET=NAME  fine-tune on a set of yours (needs torch)"
	@echo "make fuzz        break files for a minute each, and watch who falls over (FUZZ=\"--help\")"
	@echo "make explore     the property tests with other examples every time, up to a thousand each"
	@echo "make train-tiny  the whole training chain on a tiny set (needs torch)"
	@echo "make test-training  the tests that need torch"
	@echo "make wheels      everything that an installation needs, in dist/wheels"
	@echo "make deb         the Debian package, in dist; needs dpkg-deb"
	@echo "make try-service try that package on a Debian that boots; needs root and debootstrap"
	@echo "make lock        write requirements.lock anew from constraints.txt"
	@echo "make sbom        the list of parts (CycloneDX), in dist"
	@echo "make audit       compare what is installed with the lock"
	@echo "make clean       remove what the targets above made, models and data excepted"

# Stamp files: what is installed is not installed again until the pins or the project change.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Omokage needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1)." >&2; \
	  echo "Name another one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: constraints.txt pyproject.toml | $(BIN)/python
	@echo "installing Omokage into $(VENV) (a minute or two the first time)"
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt setuptools
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt $(EDITABLE) .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "installing the test tools into $(VENV)"
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt $(EDITABLE) '.[dev]'
	@touch $@

$(TRAIN)/.training: constraints-training.txt
	@$(PYTHON) -m venv $(TRAIN)
	@echo "installing the training tools into $(TRAIN) (torch is large)"
	@$(TRAIN)/bin/python $(PIP_INSTALL) -r constraints-training.txt
	@touch $@

setup: $(VENV)/.runtime
	@echo "ready: $(BIN)/omokage"

setup-dev: $(VENV)/.dev
	@:

setup-training: $(TRAIN)/.training
	@:

# Ctrl-C is the way to end the demo, so it is no error; the trap keeps the shell waiting for it.
demo: $(VENV)/.runtime
	@trap : INT; $(BIN)/omokage demo $(DEMO) || { code=$$?; test $$code -eq 130 || exit $$code; }

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -m "not slow and not browser" $(SPREAD) $(TESTS)

# `make -k check` goes on after a finding.
check: lint format-check types floors docstrings

lint: $(VENV)/.dev
	@$(BIN)/ruff check

format-check: $(VENV)/.dev
	@$(BIN)/ruff format --check

types: $(VENV)/.dev
	@$(BIN)/mypy

floors: $(VENV)/.dev
	@$(BIN)/lint-imports

docstrings: $(VENV)/.dev
	@$(BIN)/interrogate --quiet agent dashboard release training tests

# Each one is a script that says what it measures.
bench: $(VENV)/.dev
	@for file in tests/benchmarks/bench_*.py; do \
	  name=$$(basename $$file .py); echo "== $$name"; \
	  $(BIN)/python -m tests.benchmarks.$$name || exit 1; done

# One hour on the looped demo clip; ends with an error where a limit is exceeded.
soak: $(VENV)/.dev
	@$(BIN)/python -m tests.soak.soak $(SOAK)

# Steered by coverage where atheris has a wheel for this Python, else at random.
fuzz: $(VENV)/.dev
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt $(EDITABLE) '.[dev,fuzz]' || \
	  echo "atheris isn't available here; files are broken at random"
	@$(BIN)/python -m tests.fuzz.run $(FUZZ)

# A slow test has a count of its own, which stays.
explore: $(VENV)/.dev
	@$(BIN)/python -m pytest tests/property --hypothesis-profile=explore $(SPREAD)

# SET: disfa, disfaplus, bp4d (TASK=au), affectnet, rafdb (TASK=emotion); see docs/evaluation.md.
train: $(TRAIN)/.training
	@test -n "$(DATA)" && test -n "$(TASK)" && test -n "$(SET)" || { \
	  echo "make train DATA=DIR TASK=au SET=disfa, or TASK=emotion SET=rafdb" >&2; exit 2; }
	@$(TRAIN)/bin/python -W ignore -m training.own $(TASK) --set $(SET) --data "$(DATA)" $(TRAIN_ARGS)

train-tiny: $(TRAIN)/.training
	@$(TRAIN)/bin/python -W ignore -m training.tiny $(TINY)

test-training: $(TRAIN)/.training
	@$(TRAIN)/bin/python -W ignore -m pytest tests/unit/training

lock: $(VENV)/.runtime
	@$(BIN)/python -m release.lock

# By their hashes, and wheels only: nothing is compiled, here or on a shop's PC.
dist/wheels/.made: requirements.lock $(VENV)/.runtime
	@rm -rf dist/wheels && mkdir -p dist/wheels
	@$(BIN)/python -m pip download --quiet --quiet --disable-pip-version-check $(PIP_ARGS) \
	  --require-hashes --only-binary :all: --no-deps -d dist/wheels -r requirements.lock
	@touch $@

wheels: dist/wheels/.made
	@rm -f dist/wheels/omokage-*.whl
	@$(BIN)/python -m pip wheel --quiet --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation -w dist/wheels .
	@echo "made dist/wheels"

sbom: wheels
	@$(BIN)/python -m release.sbom --wheels dist/wheels --out dist

# VULNERABILITIES names a file or a folder of OSV records that was brought here.
audit: $(VENV)/.runtime
	@$(BIN)/python -m release.audit $(if $(VULNERABILITIES),--osv "$(VULNERABILITIES)")

deb: wheels sbom
	@$(BIN)/python -m release.deb --wheels dist/wheels --out dist --sbom dist/omokage.cdx.json

try-service: deb
	@$(BIN)/python -m release.booted --deb dist/omokage_*.deb

clean:
	rm -rf $(VENV) $(TRAIN) build dist *.egg-info .demo .fuzz
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find agent dashboard training tests -name __pycache__ -type d -prune -exec rm -rf {} +
