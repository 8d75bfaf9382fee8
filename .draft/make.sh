#!/bin/sh
# from the root of the clone: notebook from the build script, formatted
.venv/bin/python .draft/build84.py notebooks/8-outlook/4-transparency.ipynb && .venv/bin/ruff format -q notebooks/8-outlook/4-transparency.ipynb && .venv/bin/ruff check notebooks/8-outlook/4-transparency.ipynb
