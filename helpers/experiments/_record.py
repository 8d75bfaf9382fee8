"""Results files: read, written in one step, with where and when each run was made."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "results"
RESULTS = "helpers/experiments/results"
"""The same folder as git names it: results that were just written do not make the code another."""


def load_results(name, about=""):
    """What is on file in results/`name`.json: {"about": …, "runs": {run: …}}; no runs if no file.

    `name` may also be a path. Raises ValueError if the file is damaged. Chapter: 5.1
    """
    path = _path(name)
    if not path.exists():
        return {"about": " ".join(about.split()), "runs": {}}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record["runs"], dict):
            raise TypeError("runs is not a table")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.name} is damaged ({type(error).__name__}: {error}): "
            f"restore it, or delete it and run python -m helpers.experiments.{path.stem}"
        ) from error
    return record


def write_results(record, name):
    """Write `record` as JSON in one step: the file is the old one or the new one. Chapter: 5.1"""
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=2, ensure_ascii=False)
            file.write("\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def provenance():
    """When, where and by which code a run was made: a dict of str. Chapter: 5.1"""
    from importlib.metadata import version

    def git(*arguments):
        done = subprocess.run(
            ["git", *arguments], cwd=FOLDER.parent, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    commit = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--", ":(top)", f":(exclude,top){RESULTS}")
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": f"{commit}-dirty" if changed else commit,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": f"Python {platform.python_version()}, Keras {version('keras')}",
    }


def _path(name):
    return FOLDER / f"{name}.json" if isinstance(name, str) else Path(name)
