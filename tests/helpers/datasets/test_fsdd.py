"""FSDD as loaded, on a tiny stand-in and, where a mirror is set, on the real recordings."""

import io
import time

import numpy as np
import pytest
import soundfile

from helpers.datasets import fsdd, official_split
from helpers.errors import DataUnavailable


def test_clips_carry_what_their_names_say(tiny, quick, own_store):
    clips = fsdd.load_fsdd(remote=tiny.remote, limits=quick)
    assert len(clips) == 12
    assert clips.names.tolist()[:4] == ["0_ann_0.wav", "0_ann_4.wav", "0_ann_10.wav", "0_bob_0.wav"]
    assert clips.labels.tolist() == [0] * 6 + [1] * 6
    assert clips.speakers.tolist() == (["ann"] * 3 + ["bob"] * 3) * 2
    assert clips.takes.tolist() == [0, 4, 10] * 4
    assert (clips.sample_rate, clips.source, clips.origin) == (8000, "fsdd", "download")
    for name, audio in zip(clips.names, clips.audio, strict=True):
        raw = tiny.files[f"recordings/{name}"]
        exact, _ = soundfile.read(io.BytesIO(raw), dtype="int16", always_2d=True)
        assert audio.dtype == np.float32
        np.testing.assert_array_equal(audio * 32768, exact[:, 0])
    train, test = official_split(clips)
    assert set(clips.takes[train]) == {10} and set(clips.takes[test]) == {0, 4}


def test_the_identity_does_not_depend_on_where_the_clips_came_from(
    tiny, quick, tmp_path, monkeypatch, own_store
):
    downloaded = fsdd.load_fsdd(remote=tiny.remote, limits=quick)
    cached = fsdd.load_fsdd(remote=tiny.remote, limits=quick)
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(tmp_path / "another"))
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(tiny.write(tmp_path / "mirror")))
    mirrored = fsdd.load_fsdd(remote=tiny.remote)
    assert [c.origin for c in (downloaded, cached, mirrored)] == ["download", "cache", "mirror"]
    assert downloaded.id == cached.id == mirrored.id
    assert downloaded.subset([0]).id != downloaded.id


def test_an_extra_recording_in_a_mirror_is_not_loaded(tiny, tmp_path, monkeypatch):
    mirror = tiny.write(tmp_path / "mirror")
    (mirror / "tiny" / "recordings" / "3_eve_0.wav").write_bytes(b"not even a sound")
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(mirror))
    assert len(fsdd.load_fsdd(remote=tiny.remote)) == 12


def test_offline_without_a_copy_it_is_unavailable(monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_OFFLINE", "1")
    with pytest.raises(DataUnavailable) as caught:
        fsdd.load_fsdd(source="real")
    for part in (fsdd.REMOTE.url, "fsdd/recordings/", "LISTENING_MACHINES_MIRROR"):
        assert part in str(caught.value)


def test_the_real_recordings(real_mirror, own_store):
    clips = fsdd.load_fsdd(source="real")
    started = time.perf_counter()
    clips = fsdd.load_fsdd(source="real")
    assert time.perf_counter() - started < 2
    assert clips.describe() == "FSDD, 3 000 recordings of 6 speakers (from the mirror folder)"
    assert len(clips) == 3000
    assert sorted(set(clips.speakers)) == [
        "george",
        "jackson",
        "lucas",
        "nicolas",
        "theo",
        "yweweler",
    ]
    assert all(x.dtype == np.float32 and x.ndim == 1 and np.abs(x).max() <= 1 for x in clips.audio)
    train, test = official_split(clips)
    assert (len(train), len(test)) == (2700, 300)
    assert np.bincount(clips.labels[test]).tolist() == [30] * 10
    assert not own_store.exists()
