"""Players: what they carry is what is heard, on any sound and none."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile

from helpers import listen
from helpers.errors import AudioEmpty, AudioError, AudioNotFinite, BadSampleRate, ShapeError

RATE = 8000


def tone(seconds=0.5, level=0.5, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def decode(src):
    kind, data = re.fullmatch(r"data:(audio/\w+);base64,(.*)", src).groups()
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32")
    return kind, samples, rate


def heard(shown):
    return [decode(a["src"])[1] for a in shown.elements("audio")]


def rms(x):
    return float(np.sqrt(np.mean(np.square(x, dtype=float))))


@pytest.mark.parametrize(("seconds", "kind"), [(0.5, "audio/wav"), (4.0, "audio/flac")])
def test_a_player_carries_the_sound(shown, seconds, kind):
    listen.player(tone(seconds), RATE, "A tone", credit="Made here, CC0.")
    (audio,) = shown.elements("audio")
    got, samples, rate = decode(audio["src"])
    assert (got, rate) == (kind, RATE)
    np.testing.assert_allclose(samples, tone(seconds), atol=1 / 32768)
    assert audio["aria-label"] == "A tone"
    assert audio["preload"] == "none"
    assert "controls" in audio
    assert "Made here, CC0." in shown.html
    assert shown.elements("figure")[0]["class"] == "lm-player"


def test_the_same_sound_gives_the_same_page(shown):
    listen.player(tone(4), RATE, "A tone")
    listen.player(tone(4), RATE, "A tone")
    assert shown[0] == shown[1]


def test_flac_is_the_lighter_for_long_sound():
    content, _ = listen.encode(tone(10), RATE)
    assert len(content) < 0.8 * 2 * 10 * RATE


def test_full_scale_does_not_wrap_around():
    content, _ = listen.encode(np.array([1.0, -1.0, 0.0], np.float32), RATE)
    samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    assert samples.tolist() == [32767, -32768, 0]


def test_stereo_stays_stereo(shown):
    listen.player(np.stack([tone(), -tone()], axis=1), RATE, "Two ears")
    assert heard(shown)[0].shape == (4000, 2)


def test_too_loud_is_turned_down_and_said(shown):
    listen.player(tone(level=3.0), RATE, "Loud")
    assert np.abs(heard(shown)[0]).max() == pytest.approx(0.99, abs=1e-3)
    assert "turned down to fit" in shown.html


def test_a_player_keeps_the_level(shown):
    listen.player(tone(level=0.01), RATE, "Soft")
    assert np.abs(heard(shown)[0]).max() == pytest.approx(0.01, abs=1e-3)


@pytest.mark.parametrize(
    ("samples", "rate", "error"),
    [
        (np.zeros(0, np.float32), RATE, AudioEmpty),
        (np.array([0.0, np.nan]), RATE, AudioNotFinite),
        (np.array([0.0, np.inf]), RATE, AudioNotFinite),
        (np.zeros((2, 2, 2)), RATE, ShapeError),
        (np.array(["a"]), RATE, AudioError),
        (tone(), 0, BadSampleRate),
        (tone(), 2000, BadSampleRate),
        (tone(), 384_000, BadSampleRate),
        (tone(), "8 kHz", BadSampleRate),
    ],
)
def test_what_is_no_sound_is_refused(shown, samples, rate, error):
    with pytest.raises(error):
        listen.player(samples, rate, "A label")
    assert not shown


@pytest.mark.parametrize("label", ["", "  ", None])
def test_a_label_is_needed(shown, label):
    with pytest.raises(ValueError, match="label"):
        listen.player(tone(), RATE, label)


@pytest.mark.parametrize("samples", [np.zeros(1, np.float32), np.zeros(100, np.float64)])
def test_silence_and_one_sample_play(shown, samples):
    listen.player(samples, RATE, "Hardly anything")
    assert len(heard(shown)) == 1


def test_labels_are_escaped(shown):
    listen.player(tone(), RATE, '"><script>x</script>', credit="<i>me</i>")
    assert "<script>" not in shown.html
    assert "<i>" not in shown.html
    assert shown.elements("audio")[0]["aria-label"] == '"><script>x</script>'


def test_side_by_side_they_are_equally_loud(shown):
    listen.players([tone(level=0.9), tone(level=0.01)], RATE, ["loud", "soft"])
    one, two = heard(shown)
    assert rms(one) == pytest.approx(rms(two), rel=0.01)
    assert rms(one) == pytest.approx(listen.MATCHED_RMS, rel=0.01)


def test_levels_can_be_kept(shown):
    listen.players([tone(level=0.9), tone(level=0.1)], RATE, ["loud", "soft"], match_level=False)
    one, two = heard(shown)
    assert rms(one) == pytest.approx(9 * rms(two), rel=0.01)


def test_matching_never_clips_nor_amplifies_silence():
    click = np.zeros(8000, np.float32)
    click[10] = 0.5
    silence = np.zeros(100, np.float32)
    matched = listen.matched([click, tone(), silence])
    assert max(np.abs(m).max() for m in matched) <= 1.0
    assert rms(matched[0]) == pytest.approx(rms(matched[1]), rel=1e-5)
    assert not matched[2].any()
    assert click[10] == 0.5


def test_a_table_names_each_sound(shown):
    listen.table_of_players(
        ["zero", "one"], ["said", "heard"], [[tone()] * 2, [tone(), None]], RATE
    )
    labels = [a["aria-label"] for a in shown.elements("audio")]
    assert labels == ["zero, said", "zero, heard", "one, said"]
    assert [th["scope"] for th in shown.elements("th")] == ["col", "col", "row", "row"]


def test_tables_and_rows_that_do_not_fit_are_refused(shown):
    with pytest.raises(ValueError, match="1 rows"):
        listen.table_of_players(["zero"], ["said", "heard"], [[tone()]], RATE)
    with pytest.raises(ValueError, match="one label per sound"):
        listen.players([tone()], RATE, ["a", "b"])
    with pytest.raises(ValueError, match="one label per sound"):
        listen.players([], RATE, [])


# --- the upload widget ------------------------------------------------------------------------


def wav(samples):
    return listen.encode(samples, RATE)[0]


def test_in_the_built_page_the_widget_is_a_sentence(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    listen.upload_widget(lambda path: "seven")
    assert "make lab" in shown.html
    shown.elements("div")


def test_an_upload_is_played_and_recognised():
    def recognise(path):
        assert path.suffix == ".wav"
        return f"seven, from {path.stat().st_size} bytes"

    page = listen._recognised("mein Wörtchen.wav", wav(tone()), recognise)
    assert "seven, from 8044 bytes" in page
    assert "<audio" in page
    assert "mein Wörtchen.wav" in page


def test_an_upload_that_is_no_sound_gets_its_message():
    page = listen._recognised("notes<b>.txt", b"these are words, not sound", lambda path: "seven")
    assert "seven" not in page
    assert "<b>" not in page
    assert "<audio" not in page
    assert "notes&lt;b&gt;.txt" in page


def test_the_widget_reacts_to_a_file(monkeypatch):
    ipywidgets = pytest.importorskip("ipywidgets")
    monkeypatch.delenv("LISTENING_MACHINES_BUILD", raising=False)
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    listen.upload_widget(lambda path: "seven")
    (box,) = seen
    button, output = box.children
    assert isinstance(button, ipywidgets.FileUpload)
    file = {"name": "a.wav", "type": "audio/wav", "size": 9, "content": memoryview(wav(tone()))}
    button.notify_change(
        {"name": "value", "old": (), "new": (file,), "owner": button, "type": "change"}
    )
    assert "seven" in output.value
