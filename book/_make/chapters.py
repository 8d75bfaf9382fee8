"""Which chapters the book has, and what each chapter's outputs depend on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml

HERE = Path(__file__).resolve().parent
RUN_TIMES = "book/run-times.json"
SEED_SWEEP = "book/seed-sweep.json"


class BuildError(Exception):
    """The build cannot go on; the message is for the reader."""


@dataclass(frozen=True)
class Chapter:
    """A notebook of the table of contents; `doc` is its path without suffix, as Sphinx has it."""

    root: Path
    doc: str

    @property
    def path(self) -> Path:
        return self.root / f"{self.doc}.ipynb"

    @property
    def id(self) -> str:
        """`notebooks/5-speech/2-recogniser` is chapter 5.2; elsewhere the path is the id."""
        numbers = [re.match(r"(\w{1,2})-", part) for part in self.doc.split("/")[-2:]]
        return ".".join(n[1] for n in numbers) if len(numbers) == 2 and all(numbers) else self.doc

    @property
    def slug(self) -> str:
        return self.doc.replace("/", "--")

    @property
    def title(self) -> str:
        for cell in self.notebook()["cells"]:
            heading = re.search(r"^# +(.+)$", source_of(cell), re.MULTILINE)
            if cell["cell_type"] == "markdown" and heading:
                return heading[1].strip()
        return self.doc

    def notebook(self) -> dict:
        return json.loads(self.path.read_text(encoding="utf-8"))


def kind_of(data: dict) -> str:
    """What a run was made with: "real" recordings, what is "builtin", or "mixed"."""
    kinds = {"builtin" if d["source"] == "builtin" else "real" for d in data.values()}
    return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "builtin"


def source_of(cell: dict) -> str:
    """A cell's source as one string (the format allows a list of lines)."""
    return "".join(cell["source"])


def list_chapters(root: Path) -> list[Chapter]:
    """The notebooks of `_toc.yml`, in the order of the book."""
    site_map = parse_toc_yaml(root / "_toc.yml")
    docs = []

    def walk(name: str) -> None:
        doc = re.sub(r"\.(ipynb|md)$", "", name)
        if doc not in docs:
            docs.append(doc)
            for subtree in site_map[name].subtrees:
                for item in subtree.items:
                    if isinstance(item, str):
                        walk(str(item))

    walk(site_map.root.docname)
    return [Chapter(root, doc) for doc in docs if (root / f"{doc}.ipynb").is_file()]


def read_json(path: Path) -> dict:
    """The object in a JSON file, or an empty one if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def write_if_changed(path: Path, content: bytes | str) -> bool:
    """Write a file atomically unless it has this content already; say whether it was written."""
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(data)
    os.replace(partial, path)
    return True


def files_in(folder: Path) -> list[Path]:
    """All files under a folder but the leavings of Python, Jupyter and editors, sorted."""
    leavings = {"__pycache__", ".ipynb_checkpoints", ".DS_Store"}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix not in (".pyc", ".part")
        and not leavings.intersection(path.relative_to(folder).parts)
    )


def digest_files(root: Path, files: list[Path]) -> str:
    """A SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def environment_digest(root: Path) -> str:
    """A digest of the helpers, the packages and the Python: what every chapter stands on."""
    parts = [
        digest_files(root, files_in(root / "helpers")),
        digest_files(root, [path for path in [root / "requirements.lock"] if path.is_file()]),
        digest_files(root, files_in(root / "book" / "results")),
        digest_files(HERE, [HERE / "execute.py", HERE / "kernel_environment.py"]),
        platform.python_version(),
        sys.platform,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def chapter_key(chapter: Chapter, environment: str, data: dict) -> str:
    """A digest of everything that a chapter's outputs depend on.

    The notebook without its outputs; the files beside it; `environment`; which data there is
    (not by which way it came); and the run time that its header quotes.
    """
    notebook = chapter.notebook()
    cells = [
        {"type": c["cell_type"], "source": source_of(c), "metadata": c.get("metadata", {})}
        for c in notebook["cells"]
    ]
    beside = [p for p in files_in(chapter.path.parent) if p.suffix != ".ipynb"]
    times = read_json(chapter.root / RUN_TIMES)
    parts = {
        "cells": cells,
        "metadata": notebook.get("metadata", {}),
        "beside": digest_files(chapter.root, beside),
        "environment": environment,
        "data": without_origin(data),
        "times": [times.get("chapters", {}).get(chapter.id), times.get("machine")],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def without_origin(data: dict) -> dict:
    """The resolved data less the way each set came: the bytes are the same by every way."""
    return {name: {k: v for k, v in d.items() if k != "origin"} for name, d in data.items()}


def prepare_data(root: Path) -> dict:
    """Fetch or make every data set once, before chapters run in parallel; say which each is."""
    if not (root / "helpers" / "datasets" / "__main__.py").is_file():
        return {}
    done = subprocess.run(
        [sys.executable, "-m", "helpers.datasets", "--prepare"],
        cwd=root,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise BuildError("The data sets could not be prepared: see the message above.")
    return json.loads(done.stdout.splitlines()[-1])
