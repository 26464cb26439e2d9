# Commands for a machine that has only Python 3.11 to 3.14:
#
#   make demo       find the tweets of a tiny corpus in a tiny dataset
#   make check      lint, types, and the tests of the house and of pure functions, in less than a minute
#   make test       run the test suite
#   make nightly    run the test suite with slow tests and many more random cases, and mutation testing
#   make docs       build the documentation as a site, in site/
#   make reference  write the output of the examples and the help texts into the pages
#   make clean      remove the virtual environment, the site, and the files of make demo
#
# Each command first makes a virtual environment in .venv. PYTHON=... chooses the interpreter, and VENV=... the folder.

VENV ?= .venv
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
	&& echo "$$python" && break; done)

PARALLEL = --numprocesses auto --maxprocesses 4

.PHONY: demo check test nightly reference docs clean

demo: $(VENV)/installed
	$(VENV)/bin/provscan index corpora/tiny/corpus --overwrite
	$(VENV)/bin/provscan match corpora/tiny/dataset.jsonl --cutoff 2017-01-01 --overwrite

check: $(VENV)/installed-test
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest $(PARALLEL) tests/test_house.py tests/test_words.py tests/test_options.py tests/text tests/estimate tests/scoring

test: $(VENV)/installed-test
	$(VENV)/bin/pytest $(PARALLEL)

nightly: $(VENV)/installed-test
	PROVSCAN_NIGHTLY=1 PROVSCAN_FUZZ=10000 $(VENV)/bin/pytest $(PARALLEL)
	$(VENV)/bin/pytest $(PARALLEL) --cov --cov-report= && $(VENV)/bin/coverage report --fail-under=90
	$(VENV)/bin/python tests/mutation.py --mutants 200

reference: $(VENV)/installed
	$(VENV)/bin/python tests/cli/reference.py
	$(VENV)/bin/python tests/readme.py

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "provscan needs Python 3.11 to 3.14, but none was found. Try make PYTHON=/path/to/python3." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-docs: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) site licensed.index dataset.run
