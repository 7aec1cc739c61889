# Every target uses .venv in this folder; set-up runs when pyproject.toml or constraints.txt changed, else costs nothing.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.set-up
export QT_QPA_PLATFORM ?= $(if $(or $(DISPLAY),$(WAYLAND_DISPLAY)),,offscreen)

.PHONY: setup demo run test test-slow lint wheel-test clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	packaging/system-packages.sh
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(STAMP)

demo: setup
	$(BIN)/maskwright demo --out demo-out

run: setup
	$(BIN)/maskwright

test: setup
	$(BIN)/python -m pytest -m "not slow" --cov --cov-report=term:skip-covered

test-slow: setup
	$(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel-test: setup
	packaging/wheel-test.sh

clean:
	rm -rf build dist demo-out *.egg-info
