# make demo    the whole way on handwritten digits; the report lies in tfsnn-demo/report
# make test    every check and every test
# Both make .venv with $(PYTHON) and install into it; a second run uses it again.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint slow coverage clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed-demo
	$(BIN)/tfsnn demo --force

test: lint
	$(BIN)/pytest

lint: $(VENV)/installed-test
	$(BIN)/flake8
	$(BIN)/isort --check --diff .
	$(BIN)/python -m tests.house build/tree
	$(BIN)/mypy build/tree/tfsnn tests
	cd build/tree && $(abspath $(BIN))/lint-imports --no-cache --config $(CURDIR)/setup.cfg

slow: $(VENV)/installed-test
	$(BIN)/pytest -m slow

coverage: $(VENV)/installed-test
	$(BIN)/pytest --cov --cov-report=term --cov-report=html

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .mypy_cache .pytest_cache .hypothesis *.egg-info

$(VENV)/made:
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }
	touch $@

$(VENV)/installed-%: setup.cfg pyproject.toml | $(VENV)/made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@
