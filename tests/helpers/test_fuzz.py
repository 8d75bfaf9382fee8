"""The fuzz command: a few hundred files, and proof that it notices what it is there to notice."""

import sys

import pytest

from helpers import fuzz


def test_three_hundred_files_give_sound_or_documented_errors():
    outcomes, failures = fuzz.run(300, seed=11, keep=None)
    assert failures == []
    assert sum(outcomes.values()) == 300
    assert outcomes["loaded"] > 50
    assert len(outcomes) >= 6


def test_cases_can_be_made_again_and_differ():
    cases = [fuzz.make_case(3, number) for number in range(30)]
    assert cases == [fuzz.make_case(3, number) for number in range(30)]
    assert len({content for _, content in cases}) > 25
    assert cases != [fuzz.make_case(4, number) for number in range(30)]


def child(body):
    """A child that answers for each number with the body's lines; `n` is the number."""
    code = (
        "import sys, json, os, time\n"
        "def say(**message): print(json.dumps(message), flush=True)\n"
        "numbers = json.loads(sys.stdin.read())\n"
        "say(ready=True)\n"
        "for n in numbers:\n"
        f"    say(start=n)\n    {body}\n    say(done=n, outcome='loaded')\n"
    )
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("n == 3 and os.abort()", "CRASH"),
        ("n == 3 and time.sleep(60)", "HANG"),
    ],
)
def test_crashes_and_hangs_are_caught_and_the_file_kept(tmp_path, monkeypatch, body, word):
    monkeypatch.setattr(fuzz, "CHILD", child(body))
    outcomes, failures = fuzz.run(6, seed=0, seconds=2, keep=tmp_path / "kept")
    assert outcomes == {"loaded": 5, word: 1}
    assert [number for number, _, _ in failures] == [3]
    kept = tmp_path / "kept" / "seed0-3.bin"
    assert kept.read_bytes() == fuzz.make_case(0, 3)[1]


def test_a_child_that_cannot_start_is_reported(monkeypatch):
    monkeypatch.setattr(fuzz, "CHILD", (sys.executable, "-c", "raise SystemExit('no such thing')"))
    with pytest.raises(RuntimeError, match="no such thing"):
        fuzz.run(3)


def test_the_child_reports_what_is_not_documented(monkeypatch, capfd):
    def broken(content, path, number):
        if number == 1:
            raise KeyError("surprise")
        if number == 2:
            return "returned nonsense"
        return None

    monkeypatch.setattr(fuzz, "_load_case", broken)
    monkeypatch.setattr(fuzz, "_stderr_size", lambda: 0)
    fuzz._child(0, [0, 1, 2], recognise=False)
    lines = capfd.readouterr().out
    assert '"outcome": "loaded"' in lines
    assert "UNDOCUMENTED KeyError: 'surprise'" in lines
    assert "WRONG returned nonsense" in lines


def test_the_command_prints_a_table_and_its_status(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert fuzz.main(["--count", "20", "--seed", "5"]) == 0
    printed = capsys.readouterr().out
    assert "20 files of series 5" in printed
    assert "AudioUnreadable" in printed
    monkeypatch.setattr(fuzz, "CHILD", child("n == 3 and os.abort()"))
    assert fuzz.main(["--count", "5"]) == 1
    assert "FAILED file 3" in capsys.readouterr().out
    assert (tmp_path / "fuzz-failures" / "seed0-3.bin").exists()
