"""The record of a build: what ran, on what, for how long. The status pages and status.json."""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import subprocess
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from chapters import RUN_TIMES, SEED_SWEEP, BuildError, Chapter, kind_of, read_json, without_origin
from execute import Outcome

PACKAGES = ("jupyter-book", "Sphinx", "tensorflow", "keras", "librosa", "numpy")


def machine() -> dict:
    """The platform, the number of cores and the memory in gigabytes (10^9 bytes)."""
    import psutil

    return {
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
    }


def versions() -> dict[str, str]:
    """Of Python, of the packages that matter most, and of the book's own helpers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        found[name.lower()] = _version(name) or _version(f"{name}-cpu") or "not installed"
    found["helpers"] = _version("listening-machines") or "not installed"
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def commit(root: Path) -> str | None:
    """The git commit, marked if files differ from it; None outside a repository."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if git("rev-parse", "--show-prefix") != "":
        return None
    head = git("rev-parse", "--short=12", "HEAD")
    return f"{head} with uncommitted changes" if head and git("status", "--porcelain") else head


def make_record(
    root: Path,
    chapters: list[Chapter],
    outcomes: dict[str, Outcome],
    data: dict,
    claims: list[dict],
    workers: int,
    date: str,
) -> dict:
    """Everything that the status pages show."""
    alone = read_json(root / RUN_TIMES)
    rows = []
    for chapter in chapters:
        outcome = outcomes[chapter.doc]
        rows.append(
            {
                "id": chapter.id,
                "doc": chapter.doc,
                "title": chapter.title,
                "seconds": outcome.seconds,
                "peak_mb": outcome.peak_mb,
                "executed": outcome.executed,
                "alone": alone.get("chapters", {}).get(chapter.id),
            }
        )
    return {
        "date": date,
        "commit": commit(root),
        "data": data,
        "versions": versions(),
        "machine": machine(),
        "workers": workers,
        "alone": {k: v for k, v in alone.items() if k != "chapters"},
        "chapters": rows,
        "functions": functions(root),
        "gains": gains(root),
        "claims": with_seeds(claims, chapters, read_json(root / SEED_SWEEP), kind_of(data)),
    }


def functions(root: Path) -> list[dict]:
    """The public functions and classes of `helpers` whose docstrings name a chapter.

    Each has its `name`, its `module` and its `chapter`; what no page explains is left out.
    """
    found = []
    for path in sorted((root / "helpers").rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        if any(part.startswith("_") for part in module.split(".")):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                named = re.search(r"Chapter: (\d+\.\d+)", ast.get_docstring(node) or "")
                if named:
                    found.append({"name": node.name, "module": module, "chapter": named[1]})
    return found


def gains(root: Path) -> dict:
    """What the experiments on file gained, as `helpers.experiments._gains` prints it."""
    if not (root / "helpers" / "experiments" / "_gains.py").is_file():
        return {}
    done = subprocess.run(
        [sys.executable, "-m", "helpers.experiments._gains"],
        cwd=root,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise BuildError(f"{done.stderr.strip()}\n\nThe gains on file cannot be read.")
    return json.loads(done.stdout)


def with_seeds(claims: list[dict], chapters: list[Chapter], sweep: dict, kind: str) -> list[dict]:
    """Add to each claim how often `make sweep` found each outcome, and when.

    kind: "real" or "builtin", what the claims were tested on; a sweep on the other is not theirs.
    """
    ids = {chapter.doc: chapter.id for chapter in chapters}
    found = []
    for claim in claims:
        entry = sweep.get(f"{ids[claim['doc']]} on {kind}", {})
        runs = [run[claim["id"]] for run in entry.get("seeds", {}).values() if claim["id"] in run]
        seeds = dict(sorted(Counter(run["outcome"] for run in runs).items()))
        found.append({**claim, "seeds": seeds, "seeds_date": entry.get("date") if runs else None})
    return found


def unless_equal(record: dict, former: dict) -> dict:
    """`former` if it differs only in its date and in how the same data came, else `record`.

    So a build that changes nothing leaves the record, and with it the status pages, alone.
    """

    def essence(value: dict) -> str:
        kept = {k: v for k, v in value.items() if k not in ("date", "data")}
        return json.dumps([kept, without_origin(value.get("data", {}))], sort_keys=True)

    return former if former and essence(record) == essence(former) else record
