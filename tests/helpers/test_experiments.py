"""The recogniser's evaluation: the plan is nested, the summary adds up."""

import subprocess

import pytest

from helpers.experiments import _record, _runs, recogniser

SPEAKERS = ["ann", "bob", "cat", "dan"]


def full_record():
    """A record in which a speaker's accuracy is known: ann 0.9, bob 0.8, cat 1.0, dan 0.9."""
    right = {"ann": 0.9, "bob": 0.8, "cat": 1.0, "dan": 0.9}
    runs = {}
    for name, (kind, test, *_rest) in recogniser.plan(SPEAKERS).items():
        accuracy = right[test] if kind == "held out" else 0.9
        runs[name] = {
            "accuracy": accuracy,
            "by_speaker": {s: [int(10 * right[s]), 10] for s in SPEAKERS},
            "date": "2026-01-01",
            "commit": "abc",
            "machine": "m",
            "versions": "v",
            "parameters": 1234,
            "seconds": 20.0,
            "settings": {"steps": 5},
        }
    return {"about": "", "runs": runs}


def test_no_test_speaker_tunes_its_own_model():
    for kind, test, validation, _recipe, _seed in recogniser.plan(SPEAKERS).values():
        if kind == "tune":
            assert test != validation
            assert recogniser.partners(SPEAKERS)[test] == validation
    kinds = [run[0] for run in recogniser.plan(SPEAKERS).values()]
    assert kinds.count("held out") == 3 * len(SPEAKERS)
    assert kinds.count("tune") == len(recogniser.RECIPES) * len(SPEAKERS) / 2
    assert kinds.count("tune official") == len(recogniser.RECIPES)
    assert kinds.count("official") == kinds.count("built-in") == 3


def test_neighbours_decide_for_each_other():
    assert recogniser.partners(["dan", "bob", "ann", "cat"]) == {
        "ann": "bob",
        "bob": "ann",
        "cat": "dan",
        "dan": "cat",
    }
    with pytest.raises(ValueError, match="even"):
        recogniser.partners(["ann", "bob", "cat"])


def test_the_validation_speaker_decides_and_the_test_speaker_does_not():
    first, second = recogniser.RECIPES
    record = full_record()
    by_speaker = record["runs"][f"tune without ann and bob: {second}"]["by_speaker"]
    by_speaker["ann"] = [10, 10]
    assert recogniser.chosen_recipe(record, "bob") == second
    assert recogniser.chosen_recipe(record, "ann") == first
    assert recogniser.chosen_recipe(record, "cat") == first


def test_takes_of_the_training_set_decide_for_the_official_split():
    _first, second = recogniser.RECIPES
    record = full_record()
    record["runs"][f"tune on takes 5 to 9: {second}"]["accuracy"] = 0.97
    assert recogniser.chosen_recipe(record) == second


def test_the_summary_by_hand():
    found = recogniser.summary(full_record())
    assert found["held out"]["mean"] == pytest.approx(90)
    # four values 80, 90, 90, 100: the interval is 90 ± 3.182 · 8.165 / √4
    assert found["held out"]["low"] == pytest.approx(90 - 12.99, abs=0.01)
    assert found["built-in only"]["by_speaker"]["bob"] == pytest.approx(80)
    assert found["official"]["mean"] == pytest.approx(90)
    assert "| **mean of six** | **90.0** | **90.0** |" in recogniser.table(full_record())


def test_an_incomplete_record_says_so():
    record = full_record()
    del record["runs"]["official, seed 2"]
    assert "not complete" in recogniser.table(record)


def test_fresh_results_do_not_make_the_code_another(tmp_path, monkeypatch):
    folder = tmp_path / "helpers/experiments/results"
    folder.mkdir(parents=True)
    for path in (folder / "x.json", folder.parent / "x.py"):
        path.write_text("1")

    def git(*arguments):
        author = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *author, *arguments], cwd=tmp_path, check=True, capture_output=True)

    for command in (("init",), ("add", "."), ("commit", "-m", "first")):
        git(*command)
    monkeypatch.setattr(_record, "FOLDER", folder)
    assert len(_record.provenance()["commit"]) == 12
    (folder / "x.json").write_text("2")
    assert len(_record.provenance()["commit"]) == 12
    (folder.parent / "x.py").write_text("2")
    assert _record.provenance()["commit"].endswith("-dirty")


def test_each_run_is_on_file_as_soon_as_it_is_done(tmp_path, monkeypatch, capsys):
    path, seen = tmp_path / "x.json", []

    def one_by_one(run, jobs, _workers):
        for name, arguments in jobs.items():
            yield name, run(*arguments)
            seen.append(list(_record.load_results(path)["runs"]))

    monkeypatch.setattr(_runs, "in_parallel", one_by_one)
    record = {"about": "", "runs": {}}
    jobs = {"a": (0.5,), "b": (1.0,)}
    _runs.do_runs(lambda x: {"accuracy": x, "seconds": 1.0}, jobs, record, path, {"steps": 5}, 1)
    assert seen == [["a"], ["a", "b"]]
    kept = _record.load_results(path)["runs"]["b"]
    assert (kept["accuracy"], kept["settings"]) == (1.0, {"steps": 5})
    assert {"date", "commit", "machine", "versions"} <= set(kept)
    assert capsys.readouterr().out == "a: 50.00%, 1 s\nb: 100.00%, 1 s\n"
    _runs.do_runs(lambda x: {"points": x}, {"c": (2.0,)}, record, path, {"steps": 5}, 1)
    assert capsys.readouterr().out == "c: done\n"
    assert _runs.missing(record, jobs, {"steps": 5}) == {}
    assert list(_runs.missing(record, jobs, {"steps": 6})) == ["a", "b"]


def test_what_the_command_line_asks_for():
    asked = _runs.options("recogniser", "About it.", ["--workers", "3", "--only", "official"])
    assert (asked.workers, asked.only) == (3, "official")
    assert _runs.options("recogniser", "About it.", []).only == ""


def test_a_finished_record_holds_the_planned_runs_in_their_order(tmp_path):
    record = {"about": "old", "runs": {"c": {"x": 3}, "gone": {"x": 0}, "a": {"x": 1}}}
    _runs.finish(record, {"a": (), "b": (), "c": ()}, tmp_path / "some.json", "About  it.\nAll.")
    kept = _record.load_results(tmp_path / "some.json")
    assert list(kept["runs"]) == ["a", "c"]
    assert kept["about"] == "About it. All."
