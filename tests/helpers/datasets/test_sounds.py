"""Sounds around us: ESC-10 on a tiny stand-in and on the mirror, and the synthesised set."""

import csv
import hashlib
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from helpers.datasets import _sketch, _store, builtin_sounds, esc10, load_sounds
from helpers.datasets._sounds import Sounds
from helpers.datasets.esc10 import load_esc10
from helpers.errors import DataCorrupt, DataIncomplete, DataUnavailable

HEADER = ["file", "fold", "class", "recording", "original", "title", "author", "address"]
HEADER += ["licence", "samples", "sketch"]


def sound(seed, seconds=0.5):
    """Noise below 5 kHz at 44.1 kHz as the bytes of an Ogg Vorbis file."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(44100 * seconds)))
    spectrum[int(5000 * seconds) :] = 0
    noise = np.fft.irfft(spectrum)
    file = BytesIO()
    soundfile.write(file, 0.3 * noise / noise.std(), 44100, format="OGG", subtype="VORBIS")
    return file.getvalue()


def prepared(content):
    """The int16 samples at 16 kHz, by another resampler than the book's."""
    samples, rate = soundfile.read(BytesIO(content))
    low = resample_poly(samples, 160, 441)
    return rate, np.rint(np.clip(low, -1, 1) * 32767).astype(np.int16)


class Small:
    """Four clips of two classes: their archive at the test server, their index, their mirror."""

    def __init__(self, server, folder):
        self.server = server
        self.files = {f"001 - Dog/{i}-{i}-A.ogg": sound(i) for i in range(1, 5)}
        rows, self.mirror = [], folder / "mirror"
        (self.mirror / "esc10" / "audio").mkdir(parents=True)
        sums = []
        for i, (name, content) in enumerate(self.files.items(), start=1):
            _, samples = prepared(content)
            file = f"{i}-{i}-A.flac"
            place = self.mirror / "esc10" / "audio" / file
            soundfile.write(place, samples, 16000, "PCM_16")
            sums.append(f"{hashlib.sha256(place.read_bytes()).hexdigest()}  audio/{file}\n")
            kind = ("dog", "chainsaw")[i % 2]
            sketch = " ".join(map(str, _sketch.sketch(samples)))
            credit = (f"Bark, {i}", "Ann", f"http://example.org/{i}", "CC0")
            rows.append([file, i, kind, i, name, *credit, len(samples), sketch])
        (folder / "esc10.sha256").write_text("".join(sums))
        with open(folder / "esc10.csv", "w", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])

        def entries():
            return esc10.index(str(folder / "esc10.csv"))

        self.entries = entries
        self.remote = replace(
            esc10.REMOTE,
            url=f"{server.address}/esc10.zip",
            sums_file=str(folder / "esc10.sha256"),
            recipe=esc10.recipe(entries),
        )
        self.serve()

    def serve(self, **changes):
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in {**self.files, **changes}.items():
                if content is not None:
                    archive.writestr(f"ESC-10-0123abc/{name}", content)
            archive.writestr("ESC-10-0123abc/README.md", "not wanted")
        self.server.gives("/esc10.zip", packed.getvalue())

    def load(self, limits, source=None, say=print):
        return load_esc10(source, remote=self.remote, entries=self.entries, limits=limits, say=say)


@pytest.fixture
def small(server, tmp_path):
    return Small(server, tmp_path)


def left_over(cache):
    return sorted(path.name for path in cache.glob("*") if path.suffix != ".lock")


# Sketches


def test_a_sketch_tells_how_far_apart_two_recordings_are():
    rng = np.random.default_rng(0)
    x = rng.integers(-9000, 9000, 80_000).astype(np.int16)
    for step in (3, 30, 300):
        errors = []
        for _ in range(20):
            change = np.rint(rng.normal(0, step, len(x)))
            y = (x + change).astype(np.int16)
            apart = _sketch.distance(_sketch.sketch(x), _sketch.sketch(y), len(x))
            errors.append(apart / np.sqrt(np.mean((y.astype(float) - x) ** 2)))
        assert np.mean(errors) == pytest.approx(1, abs=0.15)
        assert np.std(errors) < 0.3
    assert _sketch.distance(_sketch.sketch(x), _sketch.sketch(x), len(x)) == 0


def test_a_sketch_worked_by_hand():
    one = np.zeros(40, np.int16)
    one[[0, 16, 33]] = 5, 7, -11
    signs = [bin(byte)[2:].zfill(8) for byte in hashlib.shake_128(b"sketch").digest(5)]
    signs = [1 - 2 * int(bit) for bit in "".join(signs)]
    expected = np.zeros(16)
    expected[0], expected[1] = 5 * signs[0] + 7 * signs[16], -11 * signs[33]
    assert _sketch.sketch(one).tolist() == expected.tolist()
    loud = np.full(120_000, -32768, np.int16)
    assert _sketch.sketch(loud).dtype == np.int64  # and does not overflow on the way
    assert np.abs(_sketch.sketch(loud)).max() < 32768 * 500
    with pytest.raises(ValueError, match="int16"):
        _sketch.sketch(np.zeros(4))


# ESC-10


def test_what_is_downloaded_is_prepared_and_kept(small, quick, own_store):
    said = []
    first = small.load(quick, say=said.append)
    second = small.load(quick, say=said.append)
    assert (first.origin, second.origin) == ("download", "cache")
    assert first.id == second.id
    assert [line.split()[0] for line in said] == ["Downloading", "Preparing"]
    assert left_over(own_store) == ["esc10"]
    assert first.names.tolist() == [f"{i}-{i}-A.flac" for i in range(1, 5)]
    assert first.folds.tolist() == [1, 2, 3, 4] and first.sample_rate == 16000
    assert [first.classes[k] for k in first.labels] == ["chainsaw", "dog"] * 2
    for clip, content in zip(first.audio, small.files.values(), strict=True):
        _, exact = prepared(content)
        assert clip.dtype == np.float32 and len(clip) == len(exact)
        apart = clip * 32768.0 - exact
        assert np.std(apart) < 0.01 * np.std(exact.astype(float))  # two resamplers
    assert first.credit_of(1) == "“Bark, 2” by Ann, CC0, http://example.org/2 (in ESC-10)"


def test_a_mirror_is_compared_exactly(small, quick, own_store, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(small.mirror))
    found = small.load(quick, "real")
    assert found.origin == "mirror" and not own_store.exists()
    victim = small.mirror / "esc10" / "audio" / "3-3-A.flac"
    samples, _ = soundfile.read(victim, dtype="int16")
    samples[100] += 1
    soundfile.write(victim, samples, 16000, "PCM_16")
    with pytest.raises(DataCorrupt, match=r"3-3-A\.flac is unlike the original"):
        small.load(quick, "real")
    assert small.load(quick, "auto").origin == "download"


@pytest.mark.parametrize("harm", ["another sound", "shorter", "louder", "not a sound", "missing"])
def test_an_archive_with_a_wrong_file_is_refused(harm, small, quick, own_store):
    name = "001 - Dog/2-2-A.ogg"
    changed = {
        "another sound": sound(77),
        "shorter": sound(2, 0.4),
        "not a sound": b"<html>Please log in</html>",
        "missing": None,
    }
    if harm == "louder":
        samples, rate = soundfile.read(BytesIO(small.files[name]))
        file = BytesIO()
        soundfile.write(file, 0.9 * samples, rate, format="OGG", subtype="VORBIS")
        changed[harm] = file.getvalue()
    small.serve(**{name: changed[harm]})
    kind = DataIncomplete if harm == "missing" else DataCorrupt
    with pytest.raises(kind) as caught:
        small.load(quick, "real")
    assert small.remote.url in str(caught.value) and "LISTENING_MACHINES_MIRROR" in str(
        caught.value
    )
    assert left_over(own_store) == []


@pytest.mark.parametrize("harm", ["changed", "missing", "emptied", "cut off", "another rate"])
def test_damage_to_what_was_prepared_is_noticed(harm, small, quick, own_store):
    small.load(quick)
    victim = own_store / "esc10" / "audio" / "4-4-A.flac"
    whole = victim.read_bytes()
    if harm == "changed":
        samples, _ = soundfile.read(victim, dtype="int16")
        samples[2000:4000] = 0
        soundfile.write(victim, samples, 16000, "PCM_16")
    elif harm == "missing":
        victim.unlink()
    elif harm == "another rate":
        samples, _ = soundfile.read(victim, dtype="int16")
        soundfile.write(victim, samples, 22050, "PCM_16")
    else:
        victim.write_bytes(b"" if harm == "emptied" else whole[: len(whole) // 2])
    said = []
    assert small.load(quick, say=said.append).origin == "download"
    assert "damaged" in said[0] and "4-4-A.flac" in said[0]
    assert len(soundfile.read(victim)[0]) == len(prepared(list(small.files.values())[3])[1])


def test_an_interrupt_while_preparing_leaves_nothing(small, quick, own_store, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    remote = replace(small.remote, recipe=replace(small.remote.recipe, prepare=interrupt))
    with pytest.raises(KeyboardInterrupt):
        _store.fetch(remote, limits=quick)
    assert left_over(own_store) == []


@pytest.mark.parametrize("text", ["a\nb,c\n", "h\nf,x,dog,1,o,t,a,u,l,5,1 2\n", "h\nf,1,dog\n"])
def test_a_damaged_index_is_refused(text, tmp_path):
    path = tmp_path / "index.csv"
    path.write_text(text)
    with pytest.raises(DataCorrupt, match="restore"):
        esc10.index(str(path))


def test_the_index_on_record():
    entries = esc10.index()
    assert [f"audio/{e.file}" for e in entries] == list(esc10.REMOTE.sums())
    assert {e.category for e in entries} == set(esc10.CLASSES)
    assert all(len(e.sketch) == _sketch.SIZE and e.title and e.author for e in entries)
    assert len({e.original for e in entries}) == 400
    assert {e.licence for e in entries} == {"CC0", "CC-BY", "CC-Sampling+"}
    folds = {}
    for e in entries:
        folds.setdefault(e.recording, set()).add(e.fold)
    assert all(len(where) == 1 for where in folds.values())


def test_offline_without_a_copy_it_is_unavailable(monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_OFFLINE", "1")
    with pytest.raises(DataUnavailable) as caught:
        load_sounds("real", quiet=True)
    for part in (esc10.REMOTE.url, "esc10/audio/", "LISTENING_MACHINES_MIRROR"):
        assert part in str(caught.value)


def test_the_real_recordings(real_mirror, own_store):
    found = load_sounds("real", quiet=True)
    assert found.describe() == "ESC-10, 400 clips of 10 classes (from the mirror folder)"
    assert np.bincount(found.labels).tolist() == [40] * 10
    assert np.bincount(found.folds).tolist() == [0, 80, 80, 80, 80, 80]
    assert all(x.dtype == np.float32 and x.ndim == 1 and np.abs(x).max() <= 1 for x in found.audio)
    assert found.record() == {"clips": 400, "classes": 10}
    assert not own_store.exists()


def test_what_the_mirror_holds_is_within_the_tolerance(real_mirror):
    assert esc10.REMOTE.fault_here(Path(real_mirror) / "esc10") is None


# Sounds


def made(**changes):
    given = {
        "audio": [np.full(4, k, np.float32) for k in range(3)],
        "labels": [0, 1, 0],
        "classes": ["dog", "rain"],
        "folds": [1, 2, 2],
        "names": ["a", "b", "c"],
        "recordings": ["a", "b", "b"],
        "sample_rate": 16000,
        "source": "builtin",
        "origin": "built-in",
        "licence": "",
        "citation": "",
        "credit": "all",
        "credits": ["x", "y", "z"],
    }
    return Sounds(**{**given, **changes})


def test_subsets_keep_the_classes():
    part = made().subset([2, 0])
    assert part.names.tolist() == ["c", "a"] and part.labels.tolist() == [0, 0]
    assert part.classes == ["dog", "rain"] and part.credit_of(0) == "z"
    assert part.recordings.tolist() == ["b", "a"] and part.audio[1] is not None
    assert made().subset(made().folds == 2).folds.tolist() == [2, 2]
    assert len(made().subset([])) == 0
    with pytest.raises(ValueError, match="mask"):
        made().subset([True])
    with pytest.raises(IndexError):
        made().credit_of(3)


def test_columns_that_do_not_fit_are_refused():
    for change in ({"folds": [1]}, {"labels": [0, 1, 2]}, {"origin": "elsewhere"}):
        with pytest.raises(ValueError, match=r"shape|class|origin"):
            made(**change)


def test_the_identity_follows_everything_that_matters():
    other = [np.ones(4, np.float32)] * 3
    changes = ({}, {"audio": other}, {"labels": [0, 0, 0]}, {"folds": [1, 1, 2]})
    assert len({made(**change).id for change in changes}) == 4
    assert made(origin="cache").id == made().id


# The synthesised set


def test_clips_of_a_recording_share_its_source_and_nothing_else():
    for label in range(len(builtin_sounds.CLASSES)):
        first, second, other = (
            builtin_sounds._one(0, label, 1, recording, clip)
            for recording, clip in ((5, 0), (5, 1), (4, 0))
        )
        assert first.dtype == np.int16 and len(first) == builtin_sounds.SAMPLES
        assert np.array_equal(first, builtin_sounds._one(0, label, 1, 5, 0))
        for one in (second, other):
            assert np.abs(np.corrcoef(first, one)[0, 1]) < 0.5
        assert 0.05 * 32767 < np.abs(first.astype(int)).max() <= 32767


@pytest.fixture(scope="module")
def synthesised():
    return builtin_sounds.built_in_sounds()


@pytest.mark.slow
def test_the_synthesised_set(synthesised):
    s = synthesised
    assert s.classes[:10] == list(esc10.CLASSES) and len(s.classes) == 12
    table = np.zeros((12, 5), int)
    np.add.at(table, (s.labels, s.folds - 1), 1)
    assert np.all(table == 8)
    assert len(set(s.names.tolist())) == len(s) == 480
    for recording in set(s.recordings.tolist()):
        of = s.recordings == recording
        assert len(set(s.folds[of])) == len(set(s.labels[of])) == 1
    peaks = np.array([np.abs(x).max() for x in s.audio])
    assert peaks.max() <= 1 and 20 * np.log10(peaks.max() / peaks.min()) > 12
    assert len({x.tobytes() for x in s.audio}) == 480


@pytest.mark.slow
def test_the_synthesised_set_is_kept(synthesised, own_store, monkeypatch):
    calls = []
    monkeypatch.setattr(builtin_sounds, "built_in_sounds", lambda: calls.append(1) or synthesised)
    first, second = (load_sounds("builtin", quiet=True) for _ in range(2))
    assert len(calls) == 1
    assert first.id == second.id == synthesised.id


@pytest.mark.slow
def test_sounds_have_the_marks_of_their_classes(synthesised):
    """By measures that are not how they were made."""
    s = synthesised

    def of(name, measure):
        return np.median(
            [measure(s.audio[i]) for i in np.flatnonzero(s.labels == s.classes.index(name))]
        )

    def peaky(x):  # energy in few moments
        energy = np.sort(np.mean(np.square(x).reshape(-1, 400), axis=1))[::-1]
        return energy[:20].sum() / energy.sum()

    def tonal(x):  # energy in few bins of a spectrum over 64 ms
        power = np.abs(np.fft.rfft(x[: 78 * 1024].reshape(-1, 1024) * np.hanning(1024))) ** 2
        return np.median(np.sort(power)[:, -25:].sum(axis=1) / power.sum(axis=1))

    def dark(x):
        power = np.abs(np.fft.rfft(x)) ** 2
        return power[: len(power) // 16].sum() / power.sum()

    assert of("sneezing", peaky) > 0.6 and of("breaking glass", peaky) > 0.6
    assert of("rain", peaky) < 0.2 and of("chainsaw", peaky) < 0.3
    assert of("siren", tonal) > 0.8 > 0.4 > of("rain", tonal)
    assert of("helicopter", dark) > 0.5 > of("rain", dark)


def test_the_index_is_what_the_mirror_gives(real_mirror):
    from helpers.datasets._esc10_index import COLUMNS, rows

    place = Path(esc10.__file__).parent / "sums" / "esc10.csv"
    with open(place, encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [list(COLUMNS), *rows(Path(real_mirror) / "esc10")]
