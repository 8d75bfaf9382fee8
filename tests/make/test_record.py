"""The record of a build, the status pages' words, and the measured times."""

import json

import pytest
import status
import times
from chapters import Chapter, kind_of
from kernel_environment import kernel_environment
from record import unless_equal, with_seeds


def test_a_record_stands_unless_more_than_its_date_changed():
    def record(date="2026-01-01", origin="mirror", key="a", seconds=1):
        data = {"digits": {"origin": origin, "id": key}}
        return {"date": date, "data": data, "chapters": [{"seconds": seconds}]}

    former = record()
    assert unless_equal(record(date="2027-01-01", origin="cache"), former) is former
    for new in (record(key="b"), record(seconds=2)):
        assert unless_equal(new, former) is new
    assert unless_equal(former, {}) is former


def test_numbers_and_words_of_the_status_pages():
    assert status.number(None) == "–"
    assert status.number(12345) == "12\u202f345"
    assert status.number(-1.25, 2) == "−1.25"
    assert status.plural(1, "worker") == "1 worker"
    assert status.plural(2, "worker") == "2 workers"
    assert status.plural(10, "kind of noise") == "10 kinds of noise"
    assert status.plural(3, "batch") == "3 batches"
    assert status.plural(2, "study") == "2 studies"
    assert status.table(("a|b",), [("c\nd",)]) == [r"| a\|b |", "| --- |", "| c d |"]
    assert status.link({"id": "5.2", "title": "T", "doc": "n/x"}) == "5.2 {doc}`/n/x`"
    assert status.link({"id": "5.2", "title": "5.2 T", "doc": "n/x"}) == "{doc}`/n/x`"


def test_all_chapters_are_held_to_the_data_that_was_prepared(tmp_path, monkeypatch):
    monkeypatch.delenv("LISTENING_MACHINES_SOURCE", raising=False)
    (tmp_path / "matplotlib").mkdir()

    def source(*sources):
        data = {name: {"source": name} for name in sources}
        return kernel_environment(tmp_path, data).get("LISTENING_MACHINES_SOURCE")

    assert source("fsdd") == "real"
    assert source("builtin") == "builtin"
    assert source("fsdd", "builtin") is None


def test_chapters_side_by_side_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    (tmp_path / "matplotlib").mkdir()

    def threads(*side_by_side):
        return kernel_environment(tmp_path, {}, *side_by_side).get("TF_NUM_INTRAOP_THREADS")

    assert threads() is None
    assert threads(2) == "4"
    assert threads(16) == "1"


def test_a_claim_says_what_other_seeds_gave(tmp_path):
    chapter = Chapter(tmp_path, "notebooks/5-project/2-x")
    claims = [{"id": name, "doc": chapter.doc} for name in ("5.2-a", "5.2-b")]
    seeds = {str(k): {"5.2-a": {"outcome": "holds" if k else "undecided"}} for k in range(3)}
    sweep = {"5.2 on real": {"seeds": seeds, "date": "2026-01-01"}}
    first, other = with_seeds(claims, [chapter], sweep, "real")
    assert first["seeds"] == {"holds": 2, "undecided": 1}
    assert status.over_seeds(first) == "holds 2×, undecided 1× (2026-01-01)"
    assert status.over_seeds(other) == "–"
    first, _ = with_seeds(claims, [chapter], sweep, "builtin")
    assert status.over_seeds(first) == "–"


@pytest.mark.parametrize(
    ("sources", "kind"),
    [
        (["fsdd", "esc10"], "real"),
        (["builtin", "builtin"], "builtin"),
        (["fsdd", "builtin"], "mixed"),
        ([], "builtin"),
    ],
)
def test_a_run_is_real_or_built_in_or_mixed(sources, kind):
    assert kind_of({str(i): {"source": s} for i, s in enumerate(sources)}) == kind


@pytest.mark.slow
def test_times_are_measured_alone_and_merged(small_book, capsys):
    (small_book.root / "_build/.times/settings/matplotlib").mkdir(parents=True)
    small_book.chapter(1, "1 + 1")
    small_book.chapter(2, "2 + 2")
    row = {"seconds": 99, "peak_mb": 1, "source": "real"}
    old = {"chapters": {"5.1": row, "5.2": row, "9.9": row}}
    path = small_book.write("book/run-times.json", json.dumps(old))
    assert times.main(["--root", str(small_book.root), "5.2"]) == 0
    written = json.loads(path.read_text())
    assert written["chapters"]["5.1"] == row
    assert written["chapters"]["5.2"]["source"] == "builtin"
    assert written["chapters"]["5.2"]["seconds"] < 60
    assert "9.9" not in written["chapters"]
    assert written["machine"]["cores"] >= 1

    before = path.read_text()
    assert times.main(["--root", str(small_book.root), "7.7"]) == 1
    small_book.chapter(1, "raise ValueError('x')")
    assert times.main(["--root", str(small_book.root)]) == 1
    assert path.read_text() == before
    assert "There is no chapter 7.7" in capsys.readouterr().err
