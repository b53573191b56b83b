# How the environment comes to be, and what a student does with it; the Makefiles of
# the course and of a students' repository include this. Override on the command line: PYTHON=/path/to/python3.12,
# ARGS="--lesson 03".

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

SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
NAMES := python3.11 python3.12 python3.13 python3 python

.DEFAULT_GOAL := help
.PHONY: help setup isolation grade lab about-setup

# The last lines of `make help`.
about-setup:
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
	  elif ! bwrap --ro-bind / / --unshare-all --proc /proc true >/dev/null 2>&1; then \
	    echo 'isolation: bubblewrap is installed, but this system does not let it create namespaces, so graded code runs'; \
	    echo '           as a plain process: it can reach the network, your files and other submissions.'; \
	  fi; \
	fi

grade: $(STAMP) isolation
	$(PY) -m pytest autograder $(ARGS)

lab: $(STAMP)
	$(PY) -m jupyterlab --notebook-dir lessons $(ARGS)
