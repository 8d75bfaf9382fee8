"""What a chapter shows about itself; and that a real kernel shows it without a stray line."""

import json
import re

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from helpers import features, show


def text_of(shown):
    import html

    return html.unescape(re.sub(r"<[^>]+>", "", shown.html))


# --- source -----------------------------------------------------------------------------------


def test_source_is_the_helpers_own(shown):
    show.show_source(features.hz_to_mel)
    text = text_of(shown)
    assert "helpers/features.py" in text
    assert "own source" in text
    assert "return 2595.0 * np.log10(1.0 + np.asarray(hz, float) / 700.0)" in text
    assert shown.elements("pre")[0]["tabindex"] == "0"


def test_source_of_wrapped_functions_classes_and_several(shown):
    show.show_source(features.mel_matrix, features.FrontEnd)
    text = text_of(shown)
    assert "def mel_matrix(front_end):" in text
    assert "class FrontEnd:" in text
    assert len(shown) == 2


def test_source_keeps_every_character(shown):
    import inspect

    show.show_source(features.stft)
    assert inspect.getsource(features.stft).rstrip() in text_of(shown)


@pytest.mark.parametrize("thing", [np.zeros(3), len, 3, "text"])
def test_what_has_no_source_is_refused(shown, thing):
    with pytest.raises(TypeError, match="function or a class"):
        show.show_source(thing)


def test_nothing_to_show_is_refused():
    with pytest.raises(TypeError, match="at least one"):
        show.show_source()


# --- facts ------------------------------------------------------------------------------------


@pytest.fixture
def run_times(tmp_path, monkeypatch):
    path = tmp_path / "run-times.json"
    monkeypatch.setattr(show, "RUN_TIMES", path)

    def write(seconds=34.1, peak_mb=1234, source="real", **more):
        chapter = {"seconds": seconds, "peak_mb": peak_mb, "source": source}
        record = {"machine": {}, "date": "2026-01-02", "chapters": {"5.2": chapter}, **more}
        path.write_text(json.dumps(record))
        return path

    return write


def test_facts_of_a_measured_chapter(shown, run_times):
    run_times(machine={"cores": 2})
    show.chapter_facts("5.2", reading_minutes=25, data="FSDD, 3 000 recordings")
    text = text_of(shown)
    assert "Reading 25 min" in text
    assert "34 s, 1.2 GB of memory on 2 cores, on recordings" in text
    assert "Data FSDD, 3 000 recordings" in text
    shown.elements("div")


@pytest.mark.parametrize(
    ("seconds", "peak_mb", "words"),
    [(2.34, 300, "2.3 s, 300 MB"), (75, 980, "75 s, 1.0 GB"), (200, 2500, "3 min, 2.5 GB")],
)
def test_times_and_memory_in_words(run_times, seconds, peak_mb, words):
    run_times(seconds, peak_mb, source=None)
    assert show.run_time("5.2").startswith(words)


def test_not_measured_yet(shown, run_times):
    assert show.run_time("5.2") == "not measured yet"
    run_times()
    assert show.run_time("4.1") == "not measured yet"
    show.chapter_facts("4.1", reading_minutes=5, data="none")
    assert "not measured yet" in shown.html


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"chapters": {"5.2": {}}}', '{"chapters": {"5.2": 3}}']
)
def test_a_damaged_record_is_named(run_times, damage):
    run_times().write_text(damage)
    with pytest.raises(ValueError, match=r"run-times\.json is damaged.*make times"):
        show.run_time("5.2")


def test_data_may_describe_itself_and_is_escaped(shown, run_times):
    data = type("Clips", (), {"describe": lambda self: "two <b>clips</b>"})()
    show.chapter_facts("5.2", reading_minutes=5, data=data)
    assert "two &lt;b&gt;clips&lt;/b&gt;" in shown.html


def test_facts_refuse_what_makes_no_sense(shown):
    with pytest.raises(ValueError, match=r"'5\.2'"):
        show.chapter_facts("the second", reading_minutes=5, data="")
    with pytest.raises(ValueError, match="reading_minutes"):
        show.chapter_facts("5.2", reading_minutes=0, data="")


# --- summary and a real kernel ----------------------------------------------------------------


def test_summary_is_markdown(shown):
    show.summary("""
        It heard **91.0 %**.

        - once
        """)
    assert shown.plain == "It heard **91.0 %**.\n\n- once"


@pytest.mark.parametrize("text", ["", "   ", "It heard nan %."])
def test_a_summary_without_substance_is_refused(shown, text):
    with pytest.raises(ValueError, match=r"empty|NaN"):
        show.summary(text)


def test_a_kernel_shows_each_box_once_and_nothing_else():
    cells = [
        "from helpers.verdict import verdict\n"
        "v = verdict('5.1-x', claim='c', metric='m, s', comparison='a', unit='run', "
        "values=[1.0, 2.0], threshold=50, direction='less')\nv",
        "from helpers.show import summary\nsummary(f'{v.effect:.1f} s')",
        "import numpy as np\nfrom helpers import plots\n"
        "fig, ax = plots.waveform(np.zeros(80), 8000)\n"
        "plots.show(fig, alt='A flat line, which is silence.')",
        "from helpers.listen import player\nplayer(np.zeros(80), 8000, 'silence')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    kinds = [[sorted(o.get("data", o)) for o in cell.outputs] for cell in notebook.cells]
    claim = "application/vnd.listening-machines.claim+json"
    box = ["text/html", "text/plain"]
    assert kinds == [[[claim, *box]], [["text/markdown", "text/plain"]], [box], [box]]
