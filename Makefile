# `make` alone lists the targets.
include setup.mk

# The one version of the resolver that writes the pins, so that two teachers write the same files.
UV_VERSION := 0.13.9

.PHONY: demo site test test-long formgrader build check lint pins clean

help:
	@echo 'make demo     run the whole course on generated faces: data, seven lessons, three models, a scored submission'
	@echo 'make site     the course as a website in build/site; runs the lessons that make demo has not run'
	@echo 'make test     everything that can break, in ten minutes on two cores (one file: ARGS=tests/test_setup.py)'
	@echo 'make test-long    all of it: every draw of the hidden inputs, fresh environment, demo, threats, golden record'
	@echo 'make grade    grade the notebooks in lessons/ (one lesson: ARGS="--lesson 03")'
	@echo 'make lab      open lessons/ in JupyterLab'
	@echo 'make formgrader   open JupyterLab with nbgrader'\''s pages: marks and comments by hand'
	@echo 'make build    write every notebook anew from its source in solutions/'
	@echo 'make check    say which notebooks are out of step with their source'
	@echo 'make lint     format, style and types, with the rules in pyproject.toml'
	@echo 'make setup    only create .venv and install the pinned packages; the targets above do it when needed'
	@echo 'make pins     write requirements.txt and constraints.txt anew from pyproject.toml (newest versions: ARGS=--upgrade)'
	@echo 'make clean    remove .venv and caches; data/, output/ and notebooks stay'
	@$(MAKE) --no-print-directory about-setup

demo: $(STAMP) isolation
	$(PY) -m autograder demo $(ARGS)

# What the website, its face demo and the tests in a browser need beside the course, at the versions of the same pins.
SITE := .venv/.site-installed

$(SITE): $(STAMP)
	@echo 'site: installing what the website needs into .venv'
	$(PY) -m pip install --disable-pip-version-check -qq -c constraints.txt -e '.[site,web]'
	@touch $@

site: $(SITE)
	$(PY) -m autograder site $(ARGS)

# Everything that can break, on one draw of the hidden inputs. Two processes, whatever the number of cores: torch and
# TensorFlow take gigabytes in each.
TEST := $(PY) -m pytest
SHARED := -n 2 --dist loadgroup --no-loadscope-reorder -m "not alone"

test: $(STAMP) isolation
	$(TEST) $(SHARED) $(ARGS)
	@# Status 5: none of the chosen tests has to run alone.
	$(TEST) -m alone $(ARGS) || [ $$? -eq 5 ]

# All draws, and the tests marked long.
test-long: $(STAMP) $(SITE) isolation
	$(TEST) --long $(SHARED) $(ARGS)
	$(TEST) --long -m alone $(ARGS) || [ $$? -eq 5 ]

# lessons/, which `make lab` shows, is not enough for them: they link to notebooks of the whole course's folder.
formgrader: $(STAMP)
	$(PY) -m jupyterlab --LabApp.default_url='/lab?formgrader=true' $(ARGS)

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
	@$(COMPILE) $(ARGS) --all-extras pyproject.toml --output-file .venv/pins/all >/dev/null
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
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis docs/site/lessons docs/site/lessons_table.txt
	find autograder data_scripts solutions tests -name __pycache__ -type d -prune -exec rm -rf {} +
