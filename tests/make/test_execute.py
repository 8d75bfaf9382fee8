"""Executing chapters: failures are named, successes are cached and measured."""

import pytest
from chapters import chapter_key, environment_digest, list_chapters
from execute import Cache, describe_failure, execute_chapters


def run(book, timeout=60, data=None):
    """Execute a small book's chapters; return {chapter id: outcome} and {id: description}."""
    chapters = list_chapters(book.root)
    environment = environment_digest(book.root)
    jobs = [(c, chapter_key(c, environment, data or {})) for c in chapters]
    outcomes = execute_chapters(jobs, Cache(book.root / "cache"), {}, 2, timeout)
    failures = {
        c.id: "\n".join(describe_failure(c, f) for f in outcomes[c.doc].failures) for c in chapters
    }
    return {c.id: outcomes[c.doc] for c in chapters}, failures


@pytest.mark.slow
def test_every_chapter_is_attempted_and_each_failure_named(small_book):
    small_book.chapter(1, "x = 1", "raise ValueError('no such luck')", "print('not reached')")
    small_book.chapter(2, "import sys", "print('mind the gap', file=sys.stderr)")
    small_book.chapter(3, "print('well')")
    small_book.chapter(4, "import os; os._exit(3)")
    outcomes, failures = run(small_book)
    assert [outcome.ok for outcome in outcomes.values()] == [False, False, True, False]
    assert "5.1 (notebooks/5-part/1-chapter.ipynb, code cell 2)" in failures["5.1"]
    assert "ValueError: no such luck" in failures["5.1"]
    assert "code cell 2): output on stderr" in failures["5.2"]
    assert "mind the gap" in failures["5.2"]
    assert "kernel died" in failures["5.4"]


@pytest.mark.slow
def test_a_cell_has_limited_time(small_book):
    small_book.chapter(1, "import time", "time.sleep(60)")
    outcomes, failures = run(small_book, timeout=1)
    assert not outcomes["5.1"].ok
    assert "code cell 2): the cell took longer than 1 s" in failures["5.1"]


@pytest.mark.slow
def test_an_exception_that_is_meant_passes(small_book):
    from nbformat import v4

    meant = v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
    small_book.chapter(1, meant)
    outcomes, _ = run(small_book)
    assert outcomes["5.1"].ok


@pytest.mark.slow
def test_output_below_python_counts_as_stderr(small_book):
    small_book.chapter(1, "import os", "import time; os.write(2, b'from C'); time.sleep(0.5)")
    _, failures = run(small_book)
    assert "from C" in failures["5.1"]


@pytest.mark.slow
def test_a_success_is_cached_with_its_measurements_and_a_failure_is_not(small_book):
    small_book.chapter(1, "block = bytearray(200_000_000)", "import time; time.sleep(1)")
    small_book.chapter(2, "raise KeyError('again')")
    first, _ = run(small_book)
    second, _ = run(small_book)
    assert not first["5.1"].cached
    assert second["5.1"].cached
    assert second["5.1"].seconds == first["5.1"].seconds >= 1
    assert second["5.1"].peak_mb == first["5.1"].peak_mb > 200
    assert not second["5.2"].cached


@pytest.mark.slow
def test_the_kernel_starts_in_the_chapters_folder_without_the_readers_settings(
    small_book, monkeypatch
):
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    small_book.chapter(
        1,
        "import os",
        "assert os.path.basename(os.getcwd()) == '5-part'",
        "assert 'PYTHONSTARTUP' not in os.environ",
        "assert 'inline' in os.environ['MPLBACKEND']",
        "assert os.environ['LISTENING_MACHINES_BUILD'] == '1'",
        "assert os.environ['PYTHONHASHSEED'] == '0'",
    )
    outcomes, failures = run(small_book)
    assert outcomes["5.1"].ok, failures


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("helper", True),
        ("helper's data", True),
        ("lock", True),
        ("file beside", True),
        ("markdown", True),
        ("committed results", True),
        ("run time", True),
        ("data", True),
        ("data by another way", False),
        ("stored outputs", False),
        ("another chapter", False),
        ("byte code", False),
    ],
)
def test_what_makes_a_chapter_run_again(small_book, change, again):
    small_book.chapter(1, "1 + 1")
    small_book.chapter(2, "2 + 2")
    data = {"digits": {"source": "fsdd", "origin": "mirror", "id": "a"}}

    def key():
        first = list_chapters(small_book.root)[0]
        return chapter_key(first, environment_digest(small_book.root), data)

    before = key()
    notebook = small_book.root / "notebooks/5-part/1-chapter.ipynb"
    if change == "data":
        data = {"digits": {**data["digits"], "id": "b"}}
    elif change == "data by another way":
        data = {"digits": {**data["digits"], "origin": "cache"}}
    elif change == "stored outputs":
        text = notebook.read_text().replace('"execution_count": null', '"execution_count": 7')
        notebook.write_text(text)
    elif change == "markdown":
        notebook.write_text(notebook.read_text().replace("# Chapter", "# Section"))
    elif change == "another chapter":
        small_book.chapter(2, "3 + 3")
    else:
        name, text = {
            "helper": ("helpers/__init__.py", "VALUE = 2\n"),
            "helper's data": ("helpers/sums.txt", "0"),
            "lock": ("requirements.lock", "numpy==3"),
            "file beside": ("notebooks/5-part/table.csv", "1"),
            "committed results": ("book/results/naive.json", "{}"),
            "run time": ("book/run-times.json", '{"chapters": {"5.1": {"seconds": 2}}}'),
            "byte code": ("helpers/__pycache__/x.pyc", "0"),
        }[change]
        small_book.write(name, text)
    assert (key() != before) == again
