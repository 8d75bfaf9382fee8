"""Seed sweeps: the seed is replaced, runs are taken up again, verdicts are counted."""

import json

import pytest
import sweep
from chapters import BuildError, list_chapters

CLAIM = """\
from IPython.display import display
SEED = 0
outcome = "holds" if SEED < 2 else "undecided"
claim = {"id": "5.1-a", "outcome": outcome, "effect": SEED + 0.5, "low": 0, "high": 1}
display({"application/vnd.listening-machines.claim+json": claim, "text/plain": ""}, raw=True)"""


@pytest.mark.slow
def test_a_sweep_counts_outcomes_and_is_taken_up_again(small_book, capsys):
    small_book.chapter(1, CLAIM)
    sweep.sweep(small_book.root, [], 2)
    assert "5.1-a: holds 2×; effect 0.5 to 1.5" in capsys.readouterr().out
    sweep.sweep(small_book.root, ["5.1"], 3)
    said = capsys.readouterr().out
    assert "seed 0" not in said
    assert "seed 2" in said
    assert "5.1-a: holds 2×, undecided 1×; effect 0.5 to 2.5" in said
    (entry,) = json.loads((small_book.root / sweep.SEED_SWEEP).read_text()).values()
    assert sorted(entry["seeds"]) == ["0", "1", "2"]


def test_a_chapter_without_a_seed_is_named(small_book, tmp_path):
    small_book.chapter(1, "x = 1")
    (chapter,) = list_chapters(small_book.root)
    with pytest.raises(BuildError, match=r"5\.1 has 0 lines"):
        sweep.with_seed(chapter, 1, tmp_path)


@pytest.mark.slow
def test_a_failing_assertion_stops_a_sweep(small_book):
    small_book.chapter(1, "SEED = 0", "assert SEED < 1, 'too much'")
    with pytest.raises(BuildError, match="too much"):
        sweep.sweep(small_book.root, [], 2)


def test_an_unknown_chapter_is_named(small_book):
    with pytest.raises(BuildError, match=r"no chapter 9\.9"):
        sweep.sweep(small_book.root, ["9.9"], 1)
