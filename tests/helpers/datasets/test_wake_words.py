"""Wake words: a tiny archive, the mirror, the split, and the words that are spoken here."""

import re
import zipfile
from dataclasses import replace
from hashlib import sha256
from io import BytesIO

import numpy as np
import pytest
import soundfile

from helpers.datasets import (
    WakeWords,
    _lossless,
    builtin_wake_words,
    load_recorded_words,
    load_wake_words,
    split_wake_words,
    wake_words,
)
from helpers.errors import DataCorrupt, DataIncomplete, DataUnavailable

WORDS = ["alexa", "computer", "jarvis", "smart mirror", "snowboy", "view glass"]
COUNTS = [315, 411, 384, 369, 401, 399]


def encoded(samples, kind):
    file = BytesIO()
    soundfile.write(file, samples, 16000, "PCM_16", format=kind)
    return file.getvalue()


@pytest.fixture
def small(server, tmp_path):
    """Three recordings at the test server, and in a mirror: (declaration, samples, mirror)."""
    rng = np.random.default_rng(4)
    samples = {
        name: rng.integers(-9000, 9000, 3000).astype(np.int16)
        for name in ("alexa/0.flac", "smart_mirror/0a.flac", "view_glass/1b.flac")
    }
    folder, packed = tmp_path / "mirror" / "wake_words", BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("w-0123/audio/alexa/32.flac", b"not even a sound")
        for name, x in samples.items():
            original = wake_words._original(name)
            archive.writestr(f"w-0123/{original}", encoded(x, original[-4:].strip(".").upper()))
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_bytes(encoded(x, "FLAC"))
    server.gives("/words.zip", packed.getvalue())
    sums, of_samples = tmp_path / "words.sha256", tmp_path / "words_samples.sha256"
    sums.write_text(
        "".join(f"{sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in samples)
    )
    of_samples.write_text(_lossless.sums_of_samples(folder))
    remote = replace(
        wake_words.REMOTE,
        url=f"{server.address}/words.zip",
        sums_file=str(sums),
        recipe=_lossless.recipe(str(sums), str(of_samples), wake_words._original),
    )
    return remote, samples, tmp_path / "mirror"


def test_a_download_and_a_mirror_hold_the_same(small, quick, tmp_path, monkeypatch):
    remote, samples, mirror = small
    found = load_recorded_words(remote=remote, limits=quick)
    assert (found.origin, load_recorded_words(remote=remote).origin) == ("download", "cache")
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(tmp_path / "another"))
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(mirror))
    mirrored = load_recorded_words("real", remote=remote)
    assert mirrored.origin == "mirror" and mirrored.id == found.id
    assert found.names.tolist() == list(samples) and found.classes == WORDS
    assert found.labels.dtype == np.int64 and found.labels.tolist() == [0, 3, 5]
    assert (found.sample_rate, found.source, found.speakers) == (16000, "wake", None)
    for x, exact in zip(found.audio, samples.values(), strict=True):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x * 32768, exact)


def test_a_damaged_mirror_is_refused_when_it_is_demanded(small, quick, monkeypatch, own_store):
    remote, _, mirror = small
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(mirror))
    victim = mirror / "wake_words" / "view_glass" / "1b.flac"
    victim.write_bytes(victim.read_bytes()[:-100])
    with pytest.raises(DataCorrupt, match=r"view_glass/1b\.flac is unlike the original") as caught:
        load_recorded_words("real", remote=remote)
    assert str(mirror) in str(caught.value) and remote.url in str(caught.value)
    victim.unlink()
    with pytest.raises(DataIncomplete, match=r"of 3 files, view_glass/1b\.flac is missing"):
        load_recorded_words("real", remote=remote)
    assert not own_store.exists()
    assert load_recorded_words("auto", remote=remote, limits=quick).origin == "download"


def test_a_folder_of_no_wake_word_is_refused():
    with pytest.raises(DataCorrupt, match="restore"):
        wake_words._label("porcupine/0.flac")


def test_offline_without_a_copy_it_is_unavailable(monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_OFFLINE", "1")
    with pytest.raises(DataUnavailable) as caught:
        load_wake_words("real", quiet=True)
    for part in (wake_words.REMOTE.url, "wake_words/alexa/", "LISTENING_MACHINES_MIRROR"):
        assert part in str(caught.value)


def test_another_source_is_refused():
    with pytest.raises(ValueError, match=r'source is "wake".*"auto", "builtin" or "real"'):
        load_wake_words("wake")


def test_what_is_on_record_of_the_real_set():
    names = list(wake_words.REMOTE.sums())
    labels = [wake_words._label(name) for name in names]
    assert np.bincount(labels).tolist() == COUNTS
    assert len(wake_words.UNREADABLE) == 14
    listed = {name for name in names if name.startswith("alexa/")} | set(wake_words.UNREADABLE)
    assert listed == {f"alexa/{n}.flac" for n in range(329)}
    members = wake_words.REMOTE.members()
    assert len(set(members)) == 2279
    form = r"audio/(alexa/\d+\.flac|(computer|jarvis|smart mirror|snowboy|view glass)/[\w-]+\.wav)"
    assert all(re.fullmatch(form, member) for member in members)


def test_the_real_recordings(real_mirror, own_store):
    found = load_wake_words("real", quiet=True)
    assert found.describe() == (
        "wake words by Picovoice, 2 279 recordings of 6 words (from the mirror folder)"
    )
    assert np.bincount(found.labels).tolist() == COUNTS
    some = [found.audio[i] for i in range(0, 2279, 100)]
    assert all(x.dtype == np.float32 and np.abs(x).max() <= 1 for x in some)
    assert all(1.2 < len(x) / 16000 < 6 for x in some)
    train, validation, test = split_wake_words(found)
    assert [len(train), len(validation), len(test)] == [1595, 342, 342]
    for side in (validation, test):
        assert np.abs(np.bincount(found.labels[side]) - 0.15 * np.array(COUNTS)).max() <= 0.5
    assert not own_store.exists()


# WakeWords


def made(n=60, **changes):
    given = {
        "audio": [np.full(k + 1, k / 99, np.float32) for k in range(n)],
        "labels": np.arange(n) % 6,
        "classes": WORDS,
        "names": [str(k) for k in range(n)],
        "sample_rate": 16000,
        "source": "wake",
        "origin": "cache",
        "licence": "",
        "citation": "",
        "credit": "all",
    }
    return WakeWords(**{**given, **changes})


def test_subsets_keep_the_classes():
    part = made(speakers=["x"] * 59 + ["y"]).subset([59, 1])
    assert part.names.tolist() == ["59", "1"] and part.labels.tolist() == [5, 1]
    assert part.speakers.tolist() == ["y", "x"] and part.classes == WORDS
    assert len(made().subset([])) == 0 and made().subset([1]).speakers is None
    with pytest.raises(ValueError, match="mask"):
        made().subset([True])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"names": ["a"]}, "names has shape"),
        ({"labels": [0]}, "labels has shape"),
        ({"labels": np.arange(60)}, "one per class"),
        ({"origin": "elsewhere"}, "origin"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        made(**change)


def test_the_identity_follows_everything_that_matters():
    changes = ({}, {"labels": [0] * 60}, {"names": ["a"] * 60}, {"sample_rate": 8000})
    assert len({made(**change).id for change in changes}) == 4
    assert made(origin="mirror").id == made().id


def test_the_split_deals_each_word_and_does_not_depend_on_the_sequence():
    whole = made(120)
    train, validation, test = split_wake_words(whole)
    assert sorted([*train, *validation, *test]) == list(range(120))
    for side, size in ((train, 14), (validation, 3), (test, 3)):
        assert np.bincount(whole.labels[side]).tolist() == [size] * 6
    turned = whole.subset(np.arange(120)[::-1])
    assert set(turned.names[split_wake_words(turned)[2]]) == set(whole.names[test])
    with pytest.raises(ValueError, match="too few"):
        split_wake_words(made(6))
    with pytest.raises(ValueError, match="side empty"):
        split_wake_words(whole, 0.5, 0.5)
    with pytest.raises(ValueError, match="nothing"):
        split_wake_words(whole.subset([]))


# The built-in words


@pytest.fixture(scope="module")
def spoken():
    return builtin_wake_words.built_in_wake_words(takes=1)


def test_spoken_words(spoken):
    assert np.bincount(spoken.labels).tolist() == [95] * 6
    assert spoken.describe() == (
        "built-in voices, 570 recordings of 6 words by 95 voices (built in)"
    )
    for x in spoken.audio:
        assert x.dtype == np.float32 and 0.8 < len(x) / 16000 < 6
        assert 0.04 < np.abs(x).max() < 0.8
    assert len({x.tobytes() for x in spoken.audio}) == len(set(spoken.names.tolist())) == 570
    sides = split_wake_words(spoken)
    train, validation, test = (set(spoken.speakers[side]) for side in sides)
    assert not train & test and not train & validation and not validation & test
    assert all(np.ptp(np.bincount(spoken.labels[side])) == 0 for side in sides)


def test_the_same_words_come_out_again_and_are_kept(spoken, own_store, monkeypatch):
    again = builtin_wake_words.built_in_wake_words(takes=1)
    assert again.id == spoken.id
    calls = []
    monkeypatch.setattr(builtin_wake_words, "built_in_wake_words", lambda: calls.append(1) or again)
    first, second = (load_wake_words("builtin", quiet=True) for _ in range(2))
    assert len(calls) == 1 and first.id == second.id == spoken.id
    assert second.speakers.tolist() == spoken.speakers.tolist()


def test_no_takes_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        builtin_wake_words.built_in_wake_words(takes=0)
