"""The reader's own sound: what the kernel answers to a file or a recording, without a browser."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import listen
from helpers.errors import AudioSilent
from helpers.listen import live

RATE = 8000


def wav(seconds=0.5):
    t = np.arange(round(seconds * RATE)) / RATE
    content, kind = listen.encode((0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), RATE)
    assert kind == "audio/wav"
    return content


@pytest.fixture
def made(monkeypatch):
    """The widgets that were displayed, each with the messages that it sent in `widget.sent`."""
    monkeypatch.delenv("LISTENING_MACHINES_BUILD", raising=False)
    widgets = []

    def display(widget):
        widget.sent = []
        widget.send = widget.sent.append
        widgets.append(widget)

    monkeypatch.setattr("IPython.display.display", display)
    yield widgets
    for widget in widgets:
        widget.close()


def arrives(widget, content, name="a.wav", number=1, kind="sound"):
    """Let a message of the page arrive; returns the HTML of the answers so far."""
    message = {"kind": kind, "number": number, "name": name}
    widget._handle_custom_msg(message, [memoryview(content)] if content else [])
    return [answer["html"] for answer in widget.sent]


@pytest.mark.parametrize("show", [listen.upload_widget, listen.microphone_widget])
def test_in_the_built_page_a_widget_is_a_sentence(shown, monkeypatch, show):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    show(lambda path: "seven")
    assert "make lab" in shown.html
    assert len(shown.elements("div")) == 1
    assert shown.plain.startswith("[")


@pytest.mark.parametrize("seconds", [0, 0.49, 10.1, -1, float("nan"), float("inf")])
@pytest.mark.parametrize("build", ["0", "1"])
def test_a_recording_has_a_sensible_length(made, monkeypatch, seconds, build):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", build)
    with pytest.raises(ValueError, match=r"0\.5 to 10 seconds"):
        listen.microphone_widget(lambda path: "seven", seconds)
    assert made == []


def test_the_page_is_told_what_to_show(made):
    listen.microphone_widget(lambda path: "seven", 2)
    listen.upload_widget(lambda path: "seven")
    assert [widget.seconds for widget in made] == [2.0, 0.0]
    assert "export default" in made[0]._esm
    assert "window.listeningMachines" in made[0]._esm
    assert ".lm-own" in made[0]._css


@pytest.mark.parametrize("show", [listen.upload_widget, listen.microphone_widget])
def test_a_sound_is_played_and_recognised(made, show):
    def recognise(path):
        assert path.suffix == ".wav"
        return f"seven, from {path.stat().st_size} bytes"

    show(recognise)
    (html,) = arrives(made[0], wav(), "mein Wörtchen.wav", number=5)
    assert made[0].sent[0]["kind"] == "answer"
    assert made[0].sent[0]["number"] == 5
    assert "<strong>seven, from 8044 bytes</strong>" in html
    assert 'data-lm="player"' in html
    assert 'aria-label="mein Wörtchen.wav"' in html
    assert "Waveform of: mein Wörtchen.wav; 0.5 s" in html


def test_the_same_sound_twice_is_answered_twice(made):
    listen.upload_widget(lambda path: "seven")
    arrives(made[0], wav(), number=1)
    assert len(arrives(made[0], wav(), number=2)) == 2
    assert [answer["number"] for answer in made[0].sent] == [1, 2]


def test_the_file_is_gone_after_the_answer(made):
    seen = []
    listen.upload_widget(lambda path: seen.append(Path(path)) or "seven")
    arrives(made[0], wav())
    assert seen and not seen[0].exists()


def test_messages_that_are_not_ours_are_left_alone(made):
    listen.upload_widget(lambda path: pytest.fail("nothing to recognise"))
    assert arrives(made[0], wav(), kind="anywidget-command") == []
    assert arrives(made[0], None) == []


def test_an_answer_is_escaped():
    html = live._recognised("<i>.wav", wav(), lambda path: "<script>alert(1)</script> & co")
    assert "<script>" not in html and "<i>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in html


def test_an_answer_may_be_html():
    class Answer:
        def _repr_html_(self):
            return "<table>seven</table>"

    assert live._recognised("a.wav", wav(), lambda path: Answer()).endswith("<table>seven</table>")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes<b>.txt", b"these are words, not sound", "notes&lt;b&gt;.txt"),
        ("empty.wav", b"", "empty.wav is empty"),
        ("cut.wav", wav()[:3000], "cut.wav is cut off"),
        ("no suffix", b"\x00" * 500, "no suffix"),
        ("../../etc/passwd", b"root:", "etc/passwd"),
    ],
)
def test_what_is_no_sound_gets_its_message(name, content, said):
    html = live._recognised(name, content, lambda path: pytest.fail("nothing to recognise"))
    assert said in html
    assert "upload" not in html
    assert "<audio" not in html and "<b>" not in html


def test_a_sound_that_is_too_long_gets_its_message():
    minutes, _ = listen.encode(np.zeros(70 * RATE, np.float32), RATE)
    html = live._recognised("song.flac", minutes, lambda path: pytest.fail("too long"))
    assert "song.flac" in html and "60 s" in html


def test_silence_gets_the_recognisers_message():
    def recognise(path):
        raise AudioSilent(f"{path} holds <nothing> to hear")

    html = live._recognised("a.wav", wav(), recognise)
    assert "a.wav holds &lt;nothing&gt; to hear" in html
    assert "<audio" not in html


def test_an_error_of_the_recogniser_is_shown():
    def recognise(path):
        return {}["seven"]

    html = live._recognised("a.wav", wav(), recognise)
    assert "KeyError while recognising a.wav: &#x27;seven&#x27;" in html


def test_widgets_are_loaded_only_when_shown():
    code = "import sys, helpers.listen; print({'anywidget', 'ipywidgets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
