"""Players: what they carry is what is heard, on any sound and none."""

import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile

from helpers import listen
from helpers.errors import AudioEmpty, AudioError, AudioNotFinite, BadSampleRate, ShapeError
from helpers.listen import encoding

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
    for coding in encoding.ENCODINGS:
        listen.player(tone(4), RATE, "A tone", encoding=coding)
        listen.player(tone(4), RATE, "A tone", encoding=coding)
        assert shown[-2] == shown[-1]


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


def test_labels_are_escaped(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    listen.player(tone(), RATE, '"><script>x</script>', credit="<i>me</i>")
    assert "<script>" not in shown.html
    assert "<i>" not in shown.html
    assert shown.elements("audio")[0]["aria-label"] == '"><script>x</script>'


def test_side_by_side_they_are_equally_loud(shown):
    listen.players([tone(level=0.9), tone(level=0.01)], RATE, ["loud", "soft"])
    one, two = heard(shown)
    assert rms(one) == pytest.approx(rms(two), rel=0.01)
    assert rms(one) == pytest.approx(encoding.MATCHED_RMS, rel=0.01)


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


# --- what lies under a playhead ------------------------------------------------------------------


def test_a_waveform_is_drawn_to_its_peak(shown):
    listen.player(tone(level=0.25), RATE, "Soft")
    (path,) = shown.elements("path")
    bars = re.findall(r"M(\d+) (-?[\d.]+)h(\d+)v([\d.]+)h-\d+", path["d"])
    tops = [-float(top) for _, top, _, _ in bars]
    bottoms = [-float(top) - float(tall) for _, top, _, tall in bars]
    assert max(tops) == pytest.approx(20, abs=1)
    assert min(bottoms) == pytest.approx(-20, abs=1)
    assert sum(int(wide) for _, _, wide, _ in bars) == encoding.WAVE_COLUMNS
    assert "peak 0.25" in shown.elements("svg")[0]["aria-label"]


def test_a_spectrogram_shows_the_tone_where_it_is(shown):
    from PIL import Image

    t = np.arange(RATE) / RATE
    listen.player(np.sin(2 * np.pi * 1000 * t), RATE, "1 kHz", view="spectrogram")
    (image,) = shown.elements("img")
    data = base64.b64decode(image["src"].partition(",")[2])
    grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"), float).mean(axis=1)
    assert len(grey) == encoding.SPECTROGRAM_ROWS
    at = len(grey) - 1 - grey.argmax()
    assert at == pytest.approx(1000 / 4000 * len(grey), abs=1.5)
    assert "0 to 4 kHz" in image["alt"]


def test_nothing_is_drawn_if_not_wanted(shown):
    listen.player(tone(), RATE, "A tone", view=None)
    assert not shown.elements("svg")
    assert not shown.elements("img")


@pytest.mark.parametrize(("name", "value"), [("view", "picture"), ("encoding", "mp3")])
def test_an_unknown_view_or_encoding_is_refused(shown, name, value):
    with pytest.raises(ValueError, match=value):
        listen.player(tone(), RATE, "A tone", **{name: value})


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100])
def test_the_compact_code_is_small_and_in_time(rate):
    x = tone(3, rate=rate)
    opus, mp3 = encoding.encode_compact(x, rate)
    assert (opus[1], mp3[1]) == ("audio/ogg; codecs=opus", "audio/mpeg")
    for content, _ in (opus, mp3):
        assert len(content) < 3 * 9000
        y, got = soundfile.read(io.BytesIO(content))
        assert got in encoding.OPUS_RATES
        assert len(y) / got == pytest.approx(3, abs=0.03)
        assert rms(y) == pytest.approx(rms(x), rel=0.05)


def test_the_compact_code_offers_both(shown):
    listen.player(tone(), RATE, "A tone", encoding="compact")
    assert [s["type"] for s in shown.elements("source")] == [
        "audio/ogg; codecs=opus",
        "audio/mpeg",
    ]


def test_the_site_links_the_script_and_a_live_output_brings_it(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    listen.player(tone(), RATE, "A tone")
    assert "<script" not in shown.html
    monkeypatch.delenv("LISTENING_MACHINES_BUILD")
    listen.player(tone(), RATE, "A tone")
    assert "listeningMachines" in shown.html


# --- comparisons -------------------------------------------------------------------------------


def test_a_comparison_matches_levels_and_letters(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    listen.compare([tone(level=0.9), tone(level=0.01)], RATE, ["loud", "soft"], "Two", credit="me")
    one, two = heard(shown)
    assert rms(one) == pytest.approx(rms(two), rel=0.01)
    assert [a["aria-label"] for a in shown.elements("audio")] == ["A, loud", "B, soft"]
    assert shown.elements("figure")[0]["aria-label"] == "Two"


def test_a_comparison_that_keeps_levels_turns_all_down_together(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    pair = [tone(level=2.0), tone(level=0.2)]
    listen.compare(pair, RATE, ["loud", "soft"], "Two", match_level=False)
    one, two = heard(shown)
    assert np.abs(one).max() == pytest.approx(0.99, abs=1e-3)
    assert rms(one) == pytest.approx(10 * rms(two), rel=0.01)


def test_a_comparison_needs_one_length_a_title_and_company(shown):
    with pytest.raises(ShapeError, match="fix_length"):
        listen.compare([tone(), tone(0.4)], RATE, ["a", "b"], "Two")
    with pytest.raises(ValueError, match="title"):
        listen.compare([tone(), tone()], RATE, ["a", "b"], " ")
    with pytest.raises(ValueError, match="two to six"):
        listen.compare([tone()], RATE, ["a"], "One")
    assert not shown


# --- explorers ---------------------------------------------------------------------------------


def state(n, name="on"):
    return listen.State(f"A tone of {n} times 100 Hz, {name}", samples=tone(level=n / 10),
                        sample_rate=RATE, text=f"**{n}**")  # fmt: skip


CONTROLS = (listen.Control("Level", [1, 2, 4], start=2, unit="steps"),
            listen.Control("Switch", ["off", "on"]))  # fmt: skip


def test_an_explorer_holds_every_state(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    listen.explorer(state, CONTROLS, "Levels")
    states = [d for d in shown.elements("div") if d.get("class") == "lm-state"]
    assert [d["data-at"] for d in states] == ["0,0", "0,1", "1,0", "1,1", "2,0", "2,1"]
    assert [d["data-at"] for d in states if "hidden" not in d] == ["1,0"]
    peaks = [np.abs(x).max() for x in heard(shown)]
    np.testing.assert_allclose(peaks, [0.1, 0.1, 0.2, 0.2, 0.4, 0.4], atol=1e-3)
    sliders = shown.elements("input")
    assert [s["aria-valuetext"] for s in sliders] == ["2 steps", "off"]
    assert sliders[0]["data-written"] == "1 steps|2 steps|4 steps"


def test_live_an_explorer_computes_on_demand(monkeypatch):
    pytest.importorskip("ipywidgets")
    monkeypatch.delenv("LISTENING_MACHINES_BUILD", raising=False)
    seen, asked = [], []
    monkeypatch.setattr("IPython.display.display", seen.append)

    def compute(n, name):
        asked.append((n, name))
        return state(n, name)

    listen.explorer(compute, CONTROLS, "Levels")
    assert asked == [(2, "off")]
    box = seen[-1]
    box.children[1].value = 2
    assert asked == [(2, "off"), (4, "off")]
    box.children[2].value = 1
    assert asked[-1] == (4, "on")


def test_an_explorer_that_does_not_fit_is_refused(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    with pytest.raises(ValueError, match="one or two"):
        listen.explorer(state, [], "Levels")
    with pytest.raises(ValueError, match="title"):
        listen.explorer(state, CONTROLS, "")
    with pytest.raises(ValueError, match="too many"):
        listen.explorer(state, [listen.Control("Level", range(99))], "Levels")
    with pytest.raises(TypeError, match="State"):
        listen.explorer(lambda n: None, CONTROLS[:1], "Levels")
    assert not shown


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"name": "", "values": [1, 2]}, "name"),
        ({"name": "a", "values": [1]}, "two or more"),
        ({"name": "a", "values": [1, 2], "start": 3}, "start"),
        ({"name": "a", "values": [1, 2], "labels": ["x"]}, "labels"),
    ],
)
def test_a_control_that_does_not_fit_is_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        listen.Control(**arguments)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"alt": "short", "samples": [0.0], "sample_rate": RATE}, "sentence"),
        ({"alt": "A sentence that is long enough"}, "figure or samples"),
        ({"alt": "A sentence that is long enough", "samples": [0.0]}, "sample_rate"),
    ],
)
def test_a_state_that_says_too_little_is_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        listen.State(**arguments)


# --- the listening test ------------------------------------------------------------------------


def item(name="one", **systems):
    return listen.Item(name, tone(), tone(level=0.1), systems or {"x": tone(level=0.2)})


def test_a_listening_test_hides_nothing_it_needs_and_no_more(shown, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_BUILD", "1")
    metrics = {"SNR, dB": {("one", "x"): 3.0, ("one", "anchor"): 1.0}}
    listen.listening_test([item()], RATE, "A test", "How close?", metrics)
    stimuli = [d for d in shown.elements("div") if d.get("class") == "lm-stimulus"]
    assert [d["data-system"] for d in stimuli] == ["hidden reference", "x", "anchor"]
    assert json.loads(stimuli[1]["data-metrics"]) == {"SNR, dB": 3.0}
    assert json.loads(stimuli[0]["data-metrics"]) == {}
    assert {a["aria-label"] for a in shown.elements("audio")} == {"one, a version to judge"}
    levels = [rms(x) for x in heard(shown)]
    assert max(levels) == pytest.approx(min(levels), rel=0.01)


def test_a_listening_test_that_does_not_fit_is_refused(shown):
    metrics = {"SNR, dB": {("one", "x"): 3.0}}
    with pytest.raises(ValueError, match="at least one item"):
        listen.listening_test([], RATE, "A test", "How close?", metrics)
    with pytest.raises(ValueError, match="question"):
        listen.listening_test([item()], RATE, "A test", "", metrics)
    with pytest.raises(ValueError, match="no number"):
        listen.listening_test([item("two")], RATE, "A test", "How close?", metrics)
    with pytest.raises(ValueError, match="systems"):
        listen.listening_test([item(), item("two", y=tone())], RATE, "A", "How?", metrics)
    with pytest.raises(ShapeError, match="fix_length"):
        item(x=tone(0.4))
    with pytest.raises(ValueError, match="anchor"):
        item(anchor=tone())
    assert not shown
