# Every target that needs Python sets up .venv by itself; `make` alone lists the targets.
# Override on the command line: PYTHON=/path/to/python3.12, ARGS="--lesson 03".

PYTHON ?=
ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY := $(BIN)/python

# Written when the installation is complete, so that an interrupted one is taken up again.
STAMP := .venv/.installed

# The course itself, for its command `autograder`: the files stay here, and what is edited here counts at once.
ITSELF := $(if $(wildcard pyproject.toml),-e .)

# The one version of the resolver that writes the pins, so that two teachers write the same files.
UV_VERSION := 0.13.9

SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
NAMES := python3.11 python3.12 python3.13 python3 python

.DEFAULT_GOAL := help
.PHONY: help setup isolation demo test test-long grade lab build check lint pins clean

help:
	@echo 'make demo     run the whole course on generated faces: data, seven lessons, three models, a scored submission'
	@echo 'make test     everything that can break, in ten minutes on two cores (one file: ARGS=tests/test_setup.py)'
	@echo 'make test-long    all of it: every draw of the hidden inputs, fresh environment, demo, threats, golden record'
	@echo 'make grade    grade the notebooks in lessons/ (one lesson: ARGS="--lesson 03")'
	@echo 'make lab      open lessons/ in JupyterLab'
	@echo 'make build    write every notebook anew from its source in solutions/'
	@echo 'make check    say which notebooks are out of step with their source'
	@echo 'make lint     format, style and types, with the rules in pyproject.toml'
	@echo 'make setup    only create .venv and install the pinned packages; the targets above do it when needed'
	@echo 'make pins     write requirements.txt and constraints.txt anew from pyproject.toml (newest versions: ARGS=--upgrade)'
	@echo 'make clean    remove .venv and caches; data/, output/ and notebooks stay'
	@echo
	@echo 'Python 3.11, 3.12 or 3.13 is looked for as $(NAMES); name another with'
	@echo 'PYTHON=/path/to/python.'
	@echo 'On Linux, the plain torch brings gigabytes of CUDA packages. Without an NVIDIA GPU, set PIP_EXTRA_INDEX_URL'
	@echo 'to the address of the CPU builds, as the installation page of pytorch.org gives it, before the first make.'

setup: $(STAMP) isolation
	@echo 'setup: .venv holds the pinned packages'

$(STAMP): requirements.txt constraints.txt
	@if $(PY) -c '$(SUITS)' 2>/dev/null && $(PY) -m pip --version >/dev/null 2>&1; then \
	  echo 'setup: .venv is there, its packages are brought up to the pins'; \
	else \
	  found=; \
	  for candidate in $(if $(PYTHON),"$(PYTHON)",$(NAMES)); do \
	    if "$$candidate" -c '$(SUITS)' 2>/dev/null; then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo 'setup: this course needs Python 3.11, 3.12 or 3.13, and $(if $(PYTHON),$(PYTHON) is not one,none of $(NAMES) is one).' >&2; \
	    echo '       Get it with one of these, then run make again:' >&2; \
	    echo '         Debian, Ubuntu   sudo apt-get install python3 python3-venv' >&2; \
	    echo '         conda            conda create -n py312 -c conda-forge python=3.12 && conda activate py312' >&2; \
	    echo '         pyenv            pyenv install 3.12 && pyenv local 3.12' >&2; \
	    echo '       or name one:       make PYTHON=/path/to/python3.12' >&2; \
	    exit 1; \
	  fi; \
	  echo "setup: creating .venv with $$found"; \
	  "$$found" -m venv --clear .venv || { \
	    echo 'setup: no environment could be created. On Debian and Ubuntu: sudo apt-get install python3-venv' >&2; \
	    exit 1; \
	  }; \
	fi
	@echo 'setup: installing the pinned packages into .venv (minutes at first, and gigabytes)'
	@if [ -t 1 ]; then quiet=; else quiet=-qq; fi; \
	  $(PY) -m pip install --disable-pip-version-check --no-compile $$quiet -r requirements.txt $(ITSELF)
	@# pip compiles on one core. Files for other versions of Python do not compile; nothing imports them.
	@$(PY) -m compileall -qq -j 0 .venv/lib || true
	@$(PY) -m pip check --disable-pip-version-check
	@touch $@

# Never fails: without isolation grading still works, and says so.
isolation:
	@if [ "$$(uname -s)" = Linux ]; then \
	  if ! command -v bwrap >/dev/null 2>&1; then \
	    echo 'isolation: bubblewrap is not installed, so graded code runs as a plain process: it can reach the network,'; \
	    echo '           your files and other submissions. Get it with: sudo apt-get install bubblewrap (Debian, Ubuntu)'; \
	    echo '           or sudo dnf install bubblewrap (Fedora).'; \
	  elif ! bwrap --ro-bind / / --unshare-all true >/dev/null 2>&1; then \
	    echo 'isolation: bubblewrap is installed, but this system does not let it create namespaces, so graded code runs'; \
	    echo '           as a plain process: it can reach the network, your files and other submissions.'; \
	  fi; \
	fi

demo: $(STAMP) isolation
	$(PY) -m autograder demo $(ARGS)

# Everything that can break, on two draws of the hidden inputs. Two processes, whatever the number of cores: torch and
# TensorFlow take gigabytes in each.
TEST := $(PY) -m pytest
SHARED := -n 2 --dist loadgroup --no-loadscope-reorder -m "not alone"

test: $(STAMP) isolation
	$(TEST) $(SHARED) $(ARGS)
	@# Status 5: none of the chosen tests has to run alone.
	$(TEST) -m alone $(ARGS) || [ $$? -eq 5 ]

# All draws, and the tests marked long.
test-long: $(STAMP) isolation
	$(TEST) --long $(SHARED) $(ARGS)
	$(TEST) --long -m alone $(ARGS) || [ $$? -eq 5 ]

grade: $(STAMP) isolation
	$(PY) -m pytest autograder $(ARGS)

lab: $(STAMP)
	$(PY) -m jupyterlab --notebook-dir lessons $(ARGS)

build: $(STAMP)
	$(PY) -m autograder build $(ARGS)

check: $(STAMP)
	$(PY) -m autograder build --check $(ARGS)

lint: $(STAMP)
	$(PY) -m ruff format --check
	$(PY) -m ruff check
	$(PY) -m mypy

# The pins hold for the machines named under [tool.uv] in pyproject.toml. uv repeats that condition in each line; the
# sed programs drop it, and what is left says where a package is for one system only.
UV := .venv/pins/$(notdir $(BIN))/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header
MAC := (platform_machine == 'arm64' and sys_platform == 'darwin')
ARM := (platform_machine == 'aarch64' and sys_platform == 'linux')
X86 := (platform_machine == 'x86_64' and sys_platform == 'linux')
TIDY := sed \
  -e "s/python_full_version < '3.14' and //" \
  -e "s/ and python_full_version < '3.14'//" \
  -e "s/ ; python_full_version < '3.14'$$//" \
  -e "s/ and ($(MAC) or $(ARM) or $(X86) or sys_platform == 'win32')$$//" \
  -e "s/ ; ($(MAC) or $(ARM) or $(X86) or sys_platform == 'win32')$$//" \
  -e "s/($(ARM) or $(X86))/sys_platform == 'linux'/"

pins: $(STAMP)
	@test -x .venv/pins/$(notdir $(BIN))/python || $(PY) -m venv .venv/pins
	@$(UV) --version 2>/dev/null | grep -q -F ' $(UV_VERSION) ' || \
	  .venv/pins/$(notdir $(BIN))/python -m pip install --disable-pip-version-check -qq uv==$(UV_VERSION)
	@cp constraints.txt .venv/pins/all
	@$(COMPILE) $(ARGS) pyproject.toml --output-file .venv/pins/all >/dev/null
	@$(COMPILE) --no-deps --constraints .venv/pins/all pyproject.toml > .venv/pins/direct
	@{ echo '# Every package of the course, pinned for Python 3.11 to 3.13 on Linux, macOS (Apple silicon) and Windows.'; \
	   echo '# Written from pyproject.toml by `make pins`: edit that file, not this one. Versions stay as they are here'; \
	   echo '# unless pyproject.toml asks for others; `make pins ARGS=--upgrade` takes the newest.'; \
	   echo '# Constraints, not requirements: the CUDA packages are held where the CUDA build of torch asks for them,'; \
	   echo '# and stay away where torch is a CPU build.'; \
	   $(TIDY) .venv/pins/all; } > .venv/pins/constraints.txt
	@{ echo '-c constraints.txt'; \
	   echo '# What the course uses itself. Written from pyproject.toml by `make pins`: edit that file, not this one.'; \
	   $(TIDY) .venv/pins/direct; } > .venv/pins/requirements.txt
	@for pins in constraints.txt requirements.txt; do \
	  if cmp -s .venv/pins/$$pins $$pins; then echo "pins: $$pins is as it was"; \
	  else cp .venv/pins/$$pins $$pins && echo "pins: $$pins written"; fi; \
	done

clean:
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find autograder data_scripts solutions tests -name __pycache__ -type d -prune -exec rm -rf {} +
