# make demo      the whole way on a generated drive; the report lies in tfsnn-demo/report
# make test      every check and every test, on up to four cores
# make portable  every test as on a processor without vector extensions, and with oneDNN off
# make faults    kills at sixty drawn moments, signals, full disks, two runs at once
# make layout    the folders, what lives in each, and which of them may import which
# All make .venv with $(PYTHON) and install into it; a second run uses it again.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A worker each needs about 2 GB; on one core there is one.
WORKERS ?= logical
PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal

.PHONY: demo test portable faults lint layout slow coverage clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/tfsnn demo --force

test: lint
	$(PYTEST)

# NumPy, numba and TensorFlow each without the instructions that this processor may have beyond the common ones.
portable: $(VENV)/installed-test
	NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c 'import numpy; print(*numpy.show_config("dicts")["SIMD Extensions"].get("found", []))')" \
	NUMBA_CPU_NAME=generic TF_ENABLE_ONEDNN_OPTS=0 $(PYTEST)

faults: $(VENV)/installed-test
	TFSNN_KILLS=60 $(BIN)/pytest -v tests/test_faults.py

lint: $(VENV)/installed-test
	$(BIN)/flake8
	$(BIN)/isort --check --diff .
	$(BIN)/python -m tests.house build/tree
	$(BIN)/mypy build/tree/tfsnn tests
	cd build/tree && $(abspath $(BIN))/lint-imports --no-cache --config $(CURDIR)/setup.cfg

layout: $(VENV)/installed-test
	$(BIN)/python -m tests.house --tree

slow: $(VENV)/installed-test
	$(BIN)/pytest -m slow

coverage: $(VENV)/installed-test
	$(BIN)/pytest --cov --cov-report=term --cov-report=html

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .mypy_cache .pytest_cache .hypothesis *.egg-info

$(VENV)/made:
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
	touch $@

$(VENV)/installed: setup.cfg pyproject.toml | $(VENV)/made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/installed-test: setup.cfg pyproject.toml | $(VENV)/made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@
