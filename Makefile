# Each target sets up what it needs; `make demo` or `make test` alone is enough on a fresh machine.
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup lock demo test check certify bench lab-up lab-down root

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install and build all that is missing
	@.ci/setup

lock: ## pin Python packages anew, with hashes
	@.ci/lock

demo: root setup ## watch a tenant move between two datacenters of real engines, and one of them be lost
	@$(PYTHON) -m tests.lab.preflight
	@$(PYTHON) -m tests.lab.demo

test: setup ## run all tests: on fakes, then on local servers, then in the laboratory
	@failed=; for marks in "not (lab or servers or recordings or checkers or certificate)" "(servers or recordings or checkers) and not (lab or certificate)" "lab and not certificate"; do \
	  case "$$marks" in lab*) workers="2 --dist loadfile --no-loadscope-reorder";; *) workers=auto;; esac; \
	  echo "pytest -n $$workers -m '$$marks'"; \
	  $(PYTHON) -m pytest -n $$workers --maxprocesses 4 -m "$$marks" || { [ $$? -ne 2 ] || exit 2; failed="$$failed '$$marks'"; }; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

check: setup ## look at style and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

certify: setup ## measure in full, run the tests too long for `make test`, write certificate.json
	@$(PYTHON) -m tests.certify

bench: setup ## measure speed
	@$(PYTHON) -m tests.bench

lab-up: root setup ## start a laboratory and keep it, to look around
	@$(PYTHON) -m tests.lab.up

lab-down: ## end the kept laboratory and remove what dead ones left
	@$(or $(wildcard $(PYTHON)),python3) -m tests.lab.down

root:
	@[ "$$(id -u)" = 0 ] || { echo "cannot start a laboratory here: missing root (it makes namespaces and starts engines)"; exit 1; }
