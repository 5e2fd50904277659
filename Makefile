PYTHON ?= python3
BIN := .venv/bin
DEMO := out/demo

.PHONY: install demo test faults lint bench clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: install
	$(BIN)/waysmith run speed-limits --roads infra/demo/helsinki.osm.pbf --into $(DEMO) --tiles 4
	$(BIN)/waysmith tables $(DEMO)
	$(BIN)/waysmith map $(DEMO) --to $(DEMO)/map.html --title "Helsinki"

test: install
	$(BIN)/python -m pytest

faults: install
	$(BIN)/python -m tests.faults

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m tests.benchmarks.test_reading
	$(BIN)/python -m tests.benchmarks.test_stage_overhead
	$(BIN)/python -m tests.benchmarks.test_scale
	$(BIN)/python -m tests.benchmarks.test_gathers
	$(BIN)/python -m tests.benchmarks.test_skew
	$(BIN)/python -m tests.benchmarks.test_limit_stages

clean:
	rm -rf .venv out
