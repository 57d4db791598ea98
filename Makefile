# What to measure and on what; give them on the command line: make report PROFILE=reference DATA_ROOT=~/data
PROFILE ?= quick
DATA_ROOT ?=
DATASET ?=
DEVICE ?= cpu
WORKERS ?=
SCHEDULER ?=
ACTIVATION ?=
OPTIMIZER ?=
STRATEGY ?=
ONLY ?=
SEEDS ?=
EPOCHS ?=
BASE ?=
PYTHON ?= python3

READY := .venv/.ready
RUN := .venv/bin/python
option = $(if $(strip $($(1))),$(2) "$($(1))")

.DEFAULT_GOAL := help
.PHONY: help setup doctor status bench report serve compare test test-system docs lint clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## make .venv with every dependency at its pinned version

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed; $(PYTHON) is %d.%d. Name another: make setup PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(RUN) -m report.render.system_libraries
	@touch $@

doctor: $(READY) ## say what this machine has and lacks, and how to get it
	$(RUN) -m report doctor $(call option,DATA_ROOT,--data-root)

status: $(READY) ## say what of PROFILE is measured, what is missing and how long it takes
	$(RUN) -m bench status --profile "$(PROFILE)" --device "$(DEVICE)" $(call option,DATA_ROOT,--data-root) \
		$(call option,DATASET,--dataset)

MEASURE = $(RUN) -m bench run --profile "$(PROFILE)" --device "$(DEVICE)" $(call option,DATA_ROOT,--data-root) \
	$(call option,DATASET,--dataset) $(call option,WORKERS,--workers) $(call option,SCHEDULER,--scheduler) \
	$(call option,ACTIVATION,--activation) $(call option,OPTIMIZER,--optimizer) \
	$(call option,STRATEGY,--strategy) $(call option,ONLY,--only) $(call option,SEEDS,--seeds) \
	$(call option,EPOCHS,--epochs)

bench: $(READY) ## measure what results/results.sqlite does not hold yet (PROFILE=quick|reference)
	$(MEASURE)

# Runs that failed (1) are shown in the report, and make ends with their error all the same.
report: $(READY) ## bench, then write build/report.html and .pdf, figures/ and tables/
	$(MEASURE); measured=$$?; test $$measured -le 1 || exit $$measured; \
		$(RUN) -m report build --export $(call option,DATA_ROOT,--data-root) || exit; exit $$measured

serve: $(READY) ## show the report in a browser, and again at every change; Ctrl-C ends
	$(RUN) -m report serve $(call option,DATA_ROOT,--data-root)

compare: $(READY) ## say whether this tree is slower than a commit (BASE=<git ref>, ONLY=<groups>)
	@test -n "$(BASE)" || { echo "of what? make compare BASE=<git ref>" >&2; exit 2; }
	$(RUN) -m bench compare "$(BASE)" $(call option,ONLY,--only); verdict=$$?; \
		test ! -f build/gate/verdicts.json || $(RUN) -m report gate build/gate/verdicts.json || exit; \
		exit $$verdict

test: $(READY) ## run the tests of each module, some minutes
	$(RUN) -m pytest --ignore tests/system

test-system: $(READY) ## run the tests of the whole: faults, page, PDF, cluster, gate
	$(RUN) -m pytest tests/system

docs: $(READY) ## write the documentation as pages, build/docs/index.html
	$(RUN) -m sphinx --fail-on-warning --keep-going --quiet docs build/docs

lint: $(READY) ## check format, style and types
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	.venv/bin/lint-imports --no-logo

clean: ## remove what can be made again; results/ stays
	rm -rf build docs/made mutants .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find bench impl report tests -name __pycache__ -type d -prune -exec rm -rf {} +
