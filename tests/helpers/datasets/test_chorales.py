"""Chorales: the real set on a tiny stand-in and on the mirror, the built-in set as it is read."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import helpers
from helpers.datasets import Chorales, builtin_chorales, chorales, load_chorales
from helpers.datasets.chorales import load_jsb
from helpers.errors import DataCorrupt, DataUnavailable

ROOT = Path(helpers.__file__).parents[1]
FULL = [72.0, 67.0, 64.0, 48.0]


@pytest.fixture
def small(server, tmp_path):
    """A JSB set of three pieces at the test server: what it holds, and its declaration."""
    parts = {
        "train": [[FULL, FULL, [74.0, 65.0, 50.0], FULL]],
        "valid": [[[67.0], FULL, []]],
        "test": [[FULL]],
    }
    content = json.dumps(parts).encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("JSB-0123/jsb-chorales-16th.json", content)
    server.gives("/jsb.zip", packed.getvalue())
    sums = tmp_path / "jsb.sha256"
    sums.write_text(f"{sha256(content).hexdigest()}  jsb-chorales-16th.json\n")
    return replace(chorales.REMOTE, url=f"{server.address}/jsb.zip", sums_file=str(sums))


def test_silent_voices_are_marked(small, quick):
    found = load_jsb(remote=small, limits=quick)
    assert found.train[0].tolist() == [
        [72, 67, 64, 48],
        [72, 67, 64, 48],
        [74, -1, 65, 50],  # 65 is nearer to the tenor's 64 than to the alto's 67
        [72, 67, 64, 48],
    ]
    assert found.valid[0].tolist() == [[-1, 67, -1, -1], [72, 67, 64, 48], [-1] * 4]
    assert found.train[0].dtype == np.int64
    assert (found.source, found.origin, len(found)) == ("jsb", "download", 3)
    assert load_jsb(remote=small, limits=quick).origin == "cache"


def test_damage_to_the_cache_is_noticed(small, quick, own_store):
    load_jsb(remote=small, limits=quick)
    path = own_store / "jsb" / "jsb-chorales-16th.json"
    path.write_text(path.read_text().replace("72.0", "73.0", 1))
    said = []
    assert load_jsb(remote=small, limits=quick, say=said.append).origin == "download"
    assert "damaged" in said[0]


def test_a_file_of_another_form_is_refused(small, quick, tmp_path, monkeypatch):
    folder = tmp_path / "mirror" / "jsb"
    folder.mkdir(parents=True)
    for text in ('{"train": []}', '{"train": [[[1, 2, 3, 4, 5]]], "valid": [], "test": []}', "no"):
        (folder / "jsb-chorales-16th.json").write_text(text)
        sums = tmp_path / f"{len(text)}.sha256"
        sums.write_text(f"{sha256(text.encode()).hexdigest()}  jsb-chorales-16th.json\n")
        monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(tmp_path / "mirror"))
        with pytest.raises(DataCorrupt, match="restore"):
            load_jsb(remote=replace(small, sums_file=str(sums)))


def test_chorales_of_another_form_are_refused():
    good = {"train": [np.full((3, 4), 60)], "valid": [np.full((3, 4), 60)]}
    rest = {"source": "jsb", "origin": "cache", "licence": "", "citation": "", "credit": ""}
    for wrong, says in (
        ([], "no chorale in test"),
        ([np.full((3, 3), 60)], "steps, 4"),
        ([np.full((0, 4), 60)], "steps, 4"),
        ([np.full((3, 4), 60.0)], "int64"),
        ([np.full((3, 4), 128)], "−1 to 127"),
    ):
        with pytest.raises(ValueError, match=says):
            Chorales(**good, test=wrong, **rest)
    with pytest.raises(ValueError, match="origin"):
        Chorales(**good, test=good["train"], **{**rest, "origin": "elsewhere"})


def test_the_identity_follows_the_notes():
    def made(pitch=60, order=1):
        pieces = [np.full((3, 4), pitch), np.full((5, 4), 61)][::order]
        return Chorales(pieces, pieces, pieces, "jsb", "cache", "", "", "").id

    assert len({made(), made(59), made(order=-1)}) == 3
    assert made() == made()


def test_the_real_set(real_mirror, own_store):
    found = load_chorales("real", quiet=True)
    assert [len(found.train), len(found.valid), len(found.test)] == [229, 76, 77]
    assert found.describe().startswith("JSB, 382 chorales: 229 to train")
    pieces = found.train + found.valid + found.test
    raw = json.loads(Path(real_mirror, "jsb", "jsb-chorales-16th.json").read_text())
    listed = raw["train"] + raw["valid"] + raw["test"]
    assert all(
        piece[step][piece[step] >= 0].tolist() == chord
        for piece, chords in zip(pieces, listed, strict=True)
        for step, chord in enumerate(chords)
    )
    assert sum((piece < 0).any(axis=1).sum() for piece in pieces) == 384
    assert not own_store.exists()


# The built-in set


def score(tmp_path, parts, name="score.mxl"):
    """A compressed MusicXML file of parts, each given as the XML of its measures."""
    body = "".join(f'<part id="P{i}">{part}</part>' for i, part in enumerate(parts))
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
        archive.writestr("score.xml", f"<score-partwise>{body}</score-partwise>")
    return path


def note(step, duration, octave=4, inside="", alter=""):
    alter = f"<alter>{alter}</alter>" if alter else ""
    return (
        f"<note>{inside}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration></note>"
    )


def test_a_score_worked_by_hand(tmp_path):
    divisions = "<attributes><divisions>2</divisions></attributes>"  # an eighth is 1
    rest = "<note><rest/><duration>2</duration></note>"
    grace = "<note><grace/><pitch><step>B</step><octave>5</octave></pitch></note>"
    soprano = f"<measure>{divisions}{grace}{note('C', 2, 5)}{note('D', 1, 5)}</measure>"
    alto = f"<measure>{divisions}{rest}{note('F', 1, 4, alter=1)}</measure>"
    tenor = f"<measure>{divisions}{note('G', 3, 3)}{note('A', 3, 3, '<chord/>')}</measure>"
    second = "<backup><duration>3</duration></backup><forward><duration>2</duration></forward>"
    bass = f"<measure>{divisions}{note('B', 3, 2, alter=-1)}{second}{note('C', 1, 3)}</measure>"
    grid = builtin_chorales.read_score(score(tmp_path, [soprano, alto, tenor, bass]))
    assert grid.tolist() == [
        [72, -1, 55, 46],
        [72, -1, 55, 46],
        [72, -1, 55, 46],
        [72, -1, 55, 46],
        [74, 66, 55, 48],
        [74, 66, 55, 48],
    ]


def test_what_is_no_score_of_four_parts_is_refused(tmp_path):
    with pytest.raises(ValueError, match="3 parts"):
        builtin_chorales.read_score(score(tmp_path, ["<measure/>"] * 3))
    (tmp_path / "not.mxl").write_text("not a score")
    with pytest.raises(ValueError, match="MusicXML"):
        builtin_chorales.read_score(tmp_path / "not.mxl")


@pytest.mark.slow
def test_scores_are_read_as_music21_reads_them(tmp_path):
    """In a process of its own, with a home of its own: music21 may write settings there."""
    program = """
        import numpy as np
        from music21 import converter
        from helpers.datasets.builtin_chorales import read_score, scores
        paths = scores()
        compared = 0
        for path in paths[:: len(paths) // 12]:
            try:
                grid = read_score(path)
            except ValueError:
                continue
            reader = converter.Converter()
            reader.parseFileNoPickle(path)
            other = np.full(grid.shape, -1)
            for voice, part in enumerate(reader.stream.parts):
                for note in part.flatten().notes:
                    start, length = 4 * note.offset, 4 * note.quarterLength
                    steps = slice(int(np.ceil(start)), int(np.ceil(start + length)))
                    if length:
                        other[steps, voice] = note.pitches[0].midi
            assert np.array_equal(grid, other), path.name
            compared += 1
        print(compared)
    """
    from textwrap import dedent

    ran = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-800:]
    assert int(ran.stdout.split()[-1]) >= 8


@pytest.fixture(scope="module")
def built_in():
    return builtin_chorales.built_in_chorales()


def tunes(pieces, length=8):
    found = set()
    for piece in pieces:
        moves = np.diff(piece[piece[:, 0] >= 0, 0])
        found.add(tuple(moves[moves != 0][:length].tolist()))
    return found


def test_the_built_in_set(built_in):
    assert len(built_in) > 250
    share = [len(part) / len(built_in) for part in (built_in.train, built_in.valid, built_in.test)]
    assert share == pytest.approx([0.70, 0.15, 0.15], abs=0.02)
    pieces = built_in.train + built_in.valid + built_in.test
    assert all(piece.shape[1] == 4 and piece.dtype == np.int64 for piece in pieces)
    assert np.mean([(piece < 0).mean() for piece in pieces]) < 0.01
    means = np.mean([piece.mean(axis=0) for piece in pieces], axis=0)
    assert np.all(np.diff(means) < -4)  # soprano above alto above tenor above bass
    assert built_in.id == builtin_chorales.built_in_chorales().id


def test_no_tune_is_in_two_parts(built_in):
    train, valid, test = (tunes(part) for part in (built_in.train, built_in.valid, built_in.test))
    assert not train & test and not train & valid and not valid & test


def test_the_built_in_set_is_kept_and_a_damaged_copy_made_anew(own_store, built_in, monkeypatch):
    made = []
    monkeypatch.setattr(builtin_chorales, "built_in_chorales", lambda: made.append(1) or built_in)
    first, second = (load_chorales("builtin", quiet=True) for _ in range(2))
    assert len(made) == 1 and first.id == second.id == built_in.id
    assert second.source == "builtin" and second.origin == "built-in"
    [path] = (own_store / "builtin").iterdir()
    path.write_bytes(path.read_bytes()[:2000])
    assert load_chorales("builtin", quiet=True).id == built_in.id
    assert len(made) == 2 and [*(own_store / "builtin").iterdir()] == [path]


def test_reading_the_built_in_set_is_quiet_and_leaves_music21_alone(tmp_path):
    code = (
        "import sys; from helpers.datasets import load_chorales; "
        "load_chorales('builtin'); assert 'music21' not in sys.modules"
    )
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"HOME": str(home), "LISTENING_MACHINES_CACHE": str(cache), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == "" and len(ran.stdout.splitlines()) == 1
    assert ran.stdout.startswith("Chorales: scores that come with music21, ")
    assert not list(home.iterdir())


def test_without_music21_there_is_a_remedy(monkeypatch):
    monkeypatch.setattr(builtin_chorales.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataUnavailable, match="make env"):
        builtin_chorales.scores()
