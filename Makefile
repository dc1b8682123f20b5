# Vidne: `make demo` shows the main job, `make test` checks everything; both set up what they need.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
FRONTEND := apps/portal/frontend
BUILT := apps/portal/built/manifest.json
TEXTS := $(patsubst %.po,%.mo,$(wildcard apps/portal/locale/*/LC_MESSAGES/portal.po))
NODE = PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(STAMP) $(BUILT) $(TEXTS) ## install system programs (apt) and Python packages into .venv, build the public pages

$(STAMP): requirements.lock pyproject.toml Makefile deploy/system-packages.sh
	@deploy/system-packages.sh
	@test -x $(PY) || python3 -m venv $(VENV)
	@$(VENV)/bin/pip install -q --disable-pip-version-check --require-hashes --no-deps -r <(sed -n '/^uv==/,/[^\\]$$/p' requirements.lock)
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv pip sync -q --compile-bytecode --require-hashes requirements.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv pip install -q --no-deps --no-build-isolation -e .
	@$(PY) -m compileall -q apps disclosure evidence hashing ingest retention samples transcode
	@touch $@

# Only what changed is installed and built anew; node comes with the Python packages.
$(BUILT): $(FRONTEND)/node_modules/.package-lock.json $(FRONTEND)/build.mjs $(wildcard $(FRONTEND)/src/*)
	@cd $(FRONTEND) && $(NODE) node build.mjs

$(FRONTEND)/node_modules/.package-lock.json: $(FRONTEND)/package-lock.json | $(STAMP)
	@cd $(FRONTEND) && $(NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

%.mo: %.po | $(STAMP)
	@$(VENV)/bin/pybabel -q compile -i $< -o $@

messages: setup ## bring the translations of the public pages up to date with their texts
	@$(PY) -m deploy.messages
	@$(MAKE) setup

demo: setup ## make footage, take it in, process it, verify it, show what became of it (needs no server)
	@$(VENV)/bin/vidne demo

test: setup lint ## lint, then every test with real ffmpeg and real servers on free ports
	@deploy/system-packages.sh busybox chromium haproxy xxd
	@$(PY) -m pytest -n 2 --dist loadscope

test-media: setup ## clips of every codec and container through all stages; each copy is played in Chromium
	@deploy/system-packages.sh chromium
	@$(PY) -m pytest -n 2 --dist worksteal tests/media

test-large: setup ## files of gigabytes, through the program and through Chromium (takes 10 GB of disk)
	@deploy/system-packages.sh chromium
	@$(PY) -m pytest tests/large

FAULTS = export VIDNE_FAULT_REPORT=docs/reliability.md VIDNE_FAULT_SEED=$${VIDNE_FAULT_SEED:-$$RANDOM$$RANDOM}; \
  $(PY) -m pytest -n 3 --dist worksteal

test-faults: setup ## every fault of the table in docs/reliability.md, and four combinations (VIDNE_FAULT_SEED)
	@deploy/system-packages.sh strace
	@$(FAULTS) tests/faults

test-faults-night: setup ## 200 random combinations of two or three faults (VIDNE_FAULT_SEED, _COUNT, _FIRST)
	@deploy/system-packages.sh strace
	@export VIDNE_FAULT_COUNT=$${VIDNE_FAULT_COUNT:-200}; $(FAULTS) tests/faults/test_any_moment.py -k combination

lint: setup ## ruff, mypy --strict, import direction
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo || $(VENV)/bin/lint-imports

format: setup ## let ruff format the code
	@$(VENV)/bin/ruff check --fix-only .
	@$(VENV)/bin/ruff format .

fuzz: setup ## damage 2,000 media files and hold each stage to its word (VIDNE_FUZZ_SEED, VIDNE_FUZZ_COUNT)
	@export VIDNE_FUZZ_SEED=$${VIDNE_FUZZ_SEED:-$$RANDOM$$RANDOM} VIDNE_FUZZ_COUNT=$${VIDNE_FUZZ_COUNT:-2000}; \
	  $(PY) -m pytest -n 2 --dist worksteal tests/fuzz/test_stages.py; \
	  $(PY) -m pytest tests/fuzz/test_program.py

bench: setup ## measure against the bare tools, write docs/performance.md
	@$(PY) -m bench

up-local: setup ## all services of docker-compose.yml as processes, the main job over them; KEEP=1 leaves them running
	@deploy/system-packages.sh haproxy
	@$(PY) -m deploy.local $(if $(KEEP),--keep)

test-image: setup ## the Dockerfile's steps in a bare Debian, and the program in it confined as a container is (root)
	@deploy/system-packages.sh debootstrap
	@$(PY) -m deploy.image

lock: setup ## resolve the dependencies anew into requirements.lock
	@$(VENV)/bin/uv pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes \
	  --python-version 3.11 -q --custom-compile-command 'make lock' -o requirements.lock
	@$(VENV)/bin/uv pip compile pyproject.toml --all-extras --universal --generate-hashes -c requirements.lock \
	  --python-version 3.11 -q --custom-compile-command 'make lock' -o deploy/requirements.lock

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) apps/portal/built $(FRONTEND)/node_modules $(TEXTS) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.PHONY: help setup demo messages test test-faults test-faults-night test-large test-media test-image lint format fuzz bench up-local lock clean
