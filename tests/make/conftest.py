"""A throw-away book to build, and notebooks to put into it."""

import shutil
from pathlib import Path

import build
import execute
import kernel_environment
import nbformat
import pytest
from nbformat import v4

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """\
title: A small book
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx:
  config: {html_last_updated_fmt: ""}
"""


class Book:
    """A book in a folder, with `helpers` that its notebooks import from two folders up."""

    def __init__(self, root):
        self.root = root
        self.docs = []
        self.write("_config.yml", CONFIG)
        self.write("book/index.md", "# Front\n\nHello.\n")
        self.write("helpers/__init__.py", "VALUE = 1\n")
        self.write("requirements.lock", "")
        (root / "notebooks" / "5-part").mkdir(parents=True)
        (root / "book" / "_ext").mkdir()
        shutil.copy(ROOT / "book" / "_ext" / "status.py", root / "book" / "_ext")
        self.write_toc()

    def write(self, name, text):
        """Write a file of the book."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def write_toc(self, *pages):
        """The table of contents: the front page, the notebooks, further pages."""
        files = "".join(f"- file: {doc}\n" for doc in [*self.docs, *pages])
        chapters = f"chapters:\n{files}" if files else ""
        self.write("_toc.yml", f"format: jb-book\nroot: book/index\n{chapters}")

    def chapter(self, number, *cells, title=None):
        """Add or replace chapter 5.`number`; strings are code cells, notebook nodes themselves."""
        notebook = v4.new_notebook()
        notebook.cells = [v4.new_markdown_cell(f"# {title or f'Chapter {number}'}")]
        notebook.cells += [v4.new_code_cell(c) if isinstance(c, str) else c for c in cells]
        for index, cell in enumerate(notebook.cells):
            cell.id = f"cell-{index}"
        doc = f"notebooks/5-part/{number}-chapter"
        nbformat.write(notebook, self.root / f"{doc}.ipynb")
        if doc not in self.docs:
            self.docs.append(doc)
            self.write_toc()
        return doc

    def page(self, doc):
        """The text of a built page."""
        return (self.root / "_build" / "html" / f"{doc}.html").read_text(encoding="utf-8")


@pytest.fixture
def small_book(tmp_path):
    """An empty small book."""
    return Book(tmp_path)


@pytest.fixture(autouse=True)
def _short_cuts(tmp_path, monkeypatch):
    """No list of fonts, which takes seconds, and no polish, which refuses an unvendored site."""
    original = kernel_environment.kernel_environment
    (tmp_path / "settings" / "matplotlib").mkdir(parents=True)
    monkeypatch.setattr(
        execute,
        "kernel_environment",
        lambda _, data, workers: original(tmp_path / "settings", data, workers),
    )
    monkeypatch.setattr(build, "polish", lambda html: None)
