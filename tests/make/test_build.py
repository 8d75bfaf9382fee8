"""Building the site: strict, never stale, and nothing done twice."""

import build
import pytest
from build import main
from chapters import list_chapters, read_json
from nbformat import v4

IMPORT = "import sys; sys.path.insert(0, '../..')\nimport helpers\nprint('value is', helpers.VALUE)"
CLAIM = """\
from IPython.display import display
claim = {"id": "5.2-gap", "claim": "There is a gap.", "metric": "accuracy, points",
         "comparison": "a − b", "unit": "speaker", "n": 3, "effect": 6.5, "low": 5.5, "high": 7.5,
         "threshold": 5.0, "outcome": "holds", "expected": "holds", "source": "builtin"}
display({"text/plain": "a box", "application/vnd.listening-machines.claim+json": claim}, raw=True)
"""


def make(book):
    """Build a small book; return the exit code."""
    return main(["--root", str(book.root), "--workers", "2"])


def sphinx_runs(monkeypatch):
    """Count the runs of Sphinx from here on; returns the list that grows."""
    runs = []
    original = build.subprocess.run

    def counted(command, **options):
        if "sphinx_build.py" in str(command):
            runs.append(command)
        return original(command, **options)

    monkeypatch.setattr(build.subprocess, "run", counted)
    return runs


@pytest.mark.slow
def test_a_book_from_its_first_build_through_changes(small_book, capsys, monkeypatch):
    """One book for all that needs Sphinx, since each run of it takes seconds."""
    doc = small_book.chapter(1, IMPORT)
    small_book.chapter(2, CLAIM)
    small_book.write("book/made.md", "# How\n\n```{build-record}\n```\n")
    small_book.write("book/ledger.md", "# Ledger\n\n```{claims-ledger}\n```\n")
    small_book.write("book/goal.md", "(goal)=\n# Goal\n\nText.\n")
    small_book.write("book/index.md", "# Front\n\nSee {ref}`goal`.\n")
    small_book.write_toc("book/made", "book/ledger", "book/goal")
    assert make(small_book) == 0
    assert "index.html" in capsys.readouterr().out
    assert "value is 1" in small_book.page(doc)
    check_status_pages(small_book)

    runs = sphinx_runs(monkeypatch)
    assert make(small_book) == 0
    assert not runs, "nothing had changed"

    small_book.write("helpers/__init__.py", "VALUE = 2\n")
    small_book.write_toc("book/made", "book/goal")
    assert make(small_book) == 0
    assert "value is 2" in small_book.page(doc)
    assert not (small_book.root / "_build/html/book/ledger.html").exists()

    small_book.write("book/goal.md", "# Goal\n\n[gone](nowhere.md)\n")
    for _ in range(2):
        capsys.readouterr()
        assert make(small_book) == 1
        complaints = capsys.readouterr().err
        assert "book/goal.md:3: WARNING" in complaints
        assert "book/index.md:3: WARNING: undefined label: 'goal'" in complaints
    assert "value is 2" in small_book.page(doc), "the last good site stays"

    small_book.write("book/goal.md", "(goal)=\n# Goal\n\nMended.\n")

    def refuse(_html):
        raise build.PolishError("a page asks another host")

    with monkeypatch.context() as patch:
        patch.setattr(build, "polish", refuse)
        assert make(small_book) == 1
        assert "a page asks another host" in capsys.readouterr().err
    assert make(small_book) == 0
    assert "Mended." in small_book.page("book/goal")


def check_status_pages(book):
    """The record of the first build, on its two pages and in status.json."""
    status = read_json(book.root / "_build/html/status.json")
    assert [chapter["id"] for chapter in status["chapters"]] == ["5.1", "5.2"]
    assert all(chapter["seconds"] > 0 < chapter["peak_mb"] for chapter in status["chapters"])
    assert status["claims"][0]["chapter"] == "5.2"
    assert "in parallel, 2 workers" in book.page("book/made")
    ledger = book.page("book/ledger")
    assert "There is a gap." in ledger
    assert "6.50 (5.50 to 7.50; 3 speakers)" in ledger
    assert "../notebooks/5-part/2-chapter.html" in ledger
    assert 'href="../claims.json"' in ledger
    (row,) = read_json(book.root / "_build/html/claims.json")["claims"]
    assert (row["id"], row["mean"], row["outcome"]) == ("5.2-gap", 6.5, "holds")


@pytest.mark.slow
def test_a_failing_chapter_fails_the_command_and_builds_no_site(small_book, capsys):
    small_book.chapter(1, "raise RuntimeError('broken')")
    assert make(small_book) == 1
    captured = capsys.readouterr()
    assert "RuntimeError: broken" in captured.err
    assert "1 of 1 chapters failed: 5.1" in captured.err
    assert not (small_book.root / "_build" / "html").exists()


@pytest.mark.slow
def test_a_claims_id_is_unique(small_book, capsys):
    small_book.chapter(1, CLAIM)
    small_book.chapter(2, CLAIM)
    assert make(small_book) == 1
    assert "5.2-gap stands twice" in capsys.readouterr().err


@pytest.mark.slow
def test_a_verdict_that_was_not_shown_fails_the_command(small_book, capsys):
    small_book.chapter(2, 'if False:\n    verdict("5.2-gap")')
    assert make(small_book) == 1
    assert "no output carries the verdict 5.2-gap" in capsys.readouterr().err


@pytest.mark.slow
def test_claims_data_does_not_reach_sphinx(small_book, monkeypatch):
    monkeypatch.setattr(build, "build_site", lambda *_: None)
    small_book.chapter(2, CLAIM)
    assert make(small_book) == 0
    staged = read_json(small_book.root / "_build/src/notebooks/5-part/2-chapter.ipynb")
    (output,) = staged["cells"][1]["outputs"]
    assert output["data"] == {"text/plain": ["a box"]}
    assert "5.2-gap" in (small_book.root / "_build/src/_record.json").read_text()


def test_chapters_follow_the_table_of_contents(small_book):
    small_book.chapter(2, title="Later")
    small_book.chapter(1, v4.new_markdown_cell("no code"), title="Sooner")
    chapters = list_chapters(small_book.root)
    assert [(c.id, c.title) for c in chapters] == [("5.2", "Later"), ("5.1", "Sooner")]


def test_data_that_cannot_be_prepared_stops_the_build(small_book, capsys):
    small_book.write("helpers/datasets/__init__.py", "")
    small_book.write("helpers/datasets/__main__.py", "import sys; sys.exit('no digits')")
    assert make(small_book) == 1
    assert "could not be prepared" in capsys.readouterr().err
