# Thin on purpose: `python book/_make/run.py COMMAND` does the same where there is no make.
# Variables: PYTHON (which Python), WORKERS (parallel chapters), ARGS (passed on to the command).
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null \
	&& echo $$p && exit; done; echo python3)
RUN = @$(PYTHON) book/_make/run.py
export WORKERS

help:       ## list the commands
	@sed -n 's/^\([a-z-]*\): *## /make \1\t/p' Makefile | expand -t 16
book:       ## execute every chapter and build the site into _build/html
	$(RUN) book $(ARGS)
test:       ## unit tests, contracts, then every chapter by nbval; built-in data only
	$(RUN) test $(ARGS)
test-fast:  ## the tests that take well under a minute together
	$(RUN) test-fast $(ARGS)
test-site:  ## browser tests on the built site (make book first)
	$(RUN) test-site $(ARGS)
times:      ## run each chapter alone and write book/run-times.json
	$(RUN) times $(ARGS)
sweep:      ## run every chapter with ten seeds and count its verdicts
	$(RUN) sweep $(ARGS)
diagrams:   ## draw the Mermaid diagrams of chapters and pages as pictures
	$(RUN) diagrams $(ARGS)
lab:        ## open the chapters in JupyterLab
	$(RUN) lab $(ARGS)
lint:       ## check style and format, notebooks too
	$(RUN) lint $(ARGS)
format:     ## format the code and mend what ruff can mend
	$(RUN) format $(ARGS)
lock:       ## renew requirements.lock from requirements.txt
	$(RUN) lock $(ARGS)
env:        ## make or renew the environment .venv from requirements.lock
	$(RUN) env
clean:      ## remove all that was built; the environment stays
	$(RUN) clean

.PHONY: help book test test-fast test-site times sweep diagrams lab lint format lock env clean
