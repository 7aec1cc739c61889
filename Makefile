# Everything happens in .venv in this folder. On a fresh machine `make demo` and `make test` do all that is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
OUT ?= demo-out

.PHONY: help setup system run demo test test-slow test-full-size interchange lint format coverage wheel-test freeze deb release clean

help:
	@echo "make demo       the main job on the sample photos, by script, in the real window"
	@echo "make run        open the window"
	@echo "make test       unit and end-to-end tests with coverage    make test-slow   the minutes-long ones"
	@echo "make test-full-size   networks at their released sizes (10 GB, an hour)"
	@echo "make interchange   exports read by other people's readers, in a throw-away environment"
	@echo "make lint       ruff, mypy, import contracts               make wheel-test  the wheel in an empty environment"
	@echo "make freeze     the program without Python in dist/maskwright, and its smoke test"
	@echo "make deb        a Debian package of it             make release    all that a release consists of, each tried out"
	@echo "make setup      only prepare $(VENV)"

setup: $(STAMP)

# The stamp makes set-up instant until one of these files changes.
$(STAMP): pyproject.toml constraints.txt packaging/system_packages.sh
	bash packaging/system_packages.sh
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

run: setup
	$(BIN)/maskwright

demo: setup
	$(BIN)/maskwright demo --out $(OUT)

test: setup
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m 'not slow and not full_size' --cov --cov-report=term:skip-covered

test-slow: setup
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m slow || [ $$? -eq 5 ]  # 5: no test is that slow

test-full-size: setup
	OMP_NUM_THREADS=$$(nproc) QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m full_size -s

coverage: setup
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m 'not slow and not full_size' --cov --cov-report=html --cov-report=term

interchange: setup
	bash tests/interchange/prove.sh $(CURDIR)/$(BIN)/python

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel-test: setup
	PYTHON=$(CURDIR)/$(BIN)/python bash tests/wheel/smoke.sh

# PyInstaller is only here: nothing else needs it.
FREEZE_STAMP := $(VENV)/.freeze-ready
$(FREEZE_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[freeze]'
	touch $@

freeze: $(FREEZE_STAMP)
	PYTHON=$(BIN)/python bash packaging/freeze.sh
	PYTHON=$(CURDIR)/$(BIN)/python bash packaging/smoke.sh dist/maskwright

deb: freeze
	bash packaging/debian.sh dist/maskwright

release: $(FREEZE_STAMP)
	PYTHON=$(CURDIR)/$(BIN)/python bash packaging/release.sh

clean:
	rm -rf build dist *.egg-info .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis
