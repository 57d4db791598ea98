# Variables, given on the command line: make report PROFILE=reference DATA_ROOT=~/data
PROFILE ?= quick
DATA_ROOT ?=
DATASET ?=
DEVICE ?= cpu
WORKERS ?=
SCHEDULER ?=
ACTIVATION ?=
OPTIMIZER ?=
STRATEGY ?=
NETWORK ?=
RATES ?=
ONLY ?=
SEEDS ?=
EPOCHS ?=
BASE ?=
MORE ?=
PYTHON ?= python3

READY := .venv/.ready
RUN := .venv/bin/python
option = $(if $(strip $($(1))),$(2) "$($(1))")

.DEFAULT_GOAL := help
.PHONY: help setup doctor status bench report serve verdict compare test test-system docs lint clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## create .venv with all dependencies at their pinned versions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Invalid Python: $(PYTHON) is %d.%d, expected 3.11 or newer. Choose another: make setup PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(RUN) -m report.render.system_libraries
	@touch $@

doctor: $(READY) ## check the system for required and optional dependencies
	$(RUN) -m report doctor $(call option,DATA_ROOT,--data-root)

status: $(READY) ## show progress of PROFILE and estimated time remaining
	$(RUN) -m bench status --profile "$(PROFILE)" --device "$(DEVICE)" $(call option,DATA_ROOT,--data-root) \
		$(call option,DATASET,--dataset)

MEASURE = $(RUN) -m bench run --profile "$(PROFILE)" --device "$(DEVICE)" $(call option,DATA_ROOT,--data-root) \
	$(call option,DATASET,--dataset) $(call option,WORKERS,--workers) $(call option,SCHEDULER,--scheduler) \
	$(call option,ACTIVATION,--activation) $(call option,OPTIMIZER,--optimizer) \
	$(call option,STRATEGY,--strategy) $(call option,NETWORK,--network) $(call option,RATES,--rates) \
	$(call option,ONLY,--only) $(call option,SEEDS,--seeds) \
	$(call option,EPOCHS,--epochs)

bench: $(READY) ## run the missing benchmarks and experiments of a profile (PROFILE=quick|reference)
	$(MEASURE)

# A failed run (exit status 1) does not stop the report: it lists the failure, and make returns 1 at the end.
report: $(READY) ## run bench, then write build/report.html, report.pdf, figures/ and tables/
	$(MEASURE); measured=$$?; test $$measured -le 1 || exit $$measured; \
		$(RUN) -m report build --export $(call option,DATA_ROOT,--data-root) || exit; exit $$measured

serve: $(READY) ## preview the report in a browser and rebuild it on every change
	$(RUN) -m report serve $(call option,DATA_ROOT,--data-root)

verdict: $(READY) ## decide what ACTIVATION=file.py:Name or OPTIMIZER= is worth, in minutes
	$(RUN) -m bench verdict $(call option,DATA_ROOT,--data-root) $(call option,DATASET,--dataset) \
		$(call option,WORKERS,--workers) $(call option,ACTIVATION,--activation) \
		$(call option,OPTIMIZER,--optimizer) $(call option,NETWORK,--network) $(if $(MORE),--more)

compare: $(READY) ## check for performance regressions (BASE=<git ref>, ONLY=<groups>)
	@test -n "$(BASE)" || { echo "BASE is missing; usage: make compare BASE=<git ref>" >&2; exit 2; }
	$(RUN) -m bench compare "$(BASE)" $(call option,ONLY,--only); verdict=$$?; \
		test ! -f build/gate/verdicts.json || $(RUN) -m report gate build/gate/verdicts.json || exit; \
		exit $$verdict

# Each process has one core, so that threads of torch would only get in one another's way.
test: $(READY) ## run the unit tests, one process a core (9 min)
	OMP_NUM_THREADS=1 $(RUN) -m pytest --ignore tests/system --numprocesses auto --dist loadfile

test-system: $(READY) ## run slow end-to-end and fault-injection tests, one process a core (20 to 40 min)
	$(RUN) -m pytest tests/system --numprocesses auto --dist loadfile

docs: $(READY) ## build the documentation, build/docs/index.html
	$(RUN) -m sphinx --fail-on-warning --keep-going --quiet docs build/docs

lint: $(READY) ## check formatting, style, types and the import rule
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	.venv/bin/lint-imports --no-logo

clean: ## delete generated files, except results/
	rm -rf build docs/made mutants .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find bench impl report tests -name __pycache__ -type d -prune -exec rm -rf {} +
