"""Sounds leave the pages: files, relative addresses, loaded when played."""

import base64

import pytest
from sound_files import extract_sounds

SOUND = base64.b64encode(b"RIFF sound").decode()


@pytest.fixture
def html(tmp_path):
    (tmp_path / "notebooks" / "5").mkdir(parents=True)
    return tmp_path


def test_embedded_sound_becomes_one_file_for_all_pages(html):
    tag = f'<audio controls preload="auto" aria-label="seven" src="data:audio/wav;base64,{SOUND}">'
    deep = html / "notebooks" / "5" / "a.html"
    deep.write_text(f"<p>é {tag}</audio> {tag}</audio>", encoding="utf-8")
    top = html / "index.html"
    top.write_text(
        f"<audio controls><source type='audio/wav' src='data:audio/wav;base64,{SOUND}'/></audio>"
    )
    assert extract_sounds(html) == 1
    (sound,) = (html / "_audio").iterdir()
    assert sound.read_bytes() == b"RIFF sound"
    assert sound.suffix == ".wav"
    text = deep.read_text(encoding="utf-8")
    expected = f'<audio preload="none" controls aria-label="seven" src="../../_audio/{sound.name}">'
    assert text == f"<p>é {expected}</audio> {expected}</audio>"
    assert f"src='_audio/{sound.name}'" in top.read_text()
    assert '<audio preload="none" controls>' in top.read_text()


def test_twice_is_once_and_silent_files_go(html):
    page = html / "index.html"
    page.write_text(f'<audio src="data:audio/flac;base64,{SOUND}"></audio>')
    extract_sounds(html)
    once, changed = page.read_text(), page.stat().st_mtime_ns
    assert extract_sounds(html) == 1
    assert (page.read_text(), page.stat().st_mtime_ns) == (once, changed)
    page.write_text("<p>no sound</p>")
    assert extract_sounds(html) == 0
    assert not list((html / "_audio").iterdir())


@pytest.mark.parametrize("preload", ["preload", "preload='metadata'", "preload=auto", ""])
def test_every_player_waits_until_it_is_played(html, preload):
    page = html / "index.html"
    page.write_text(f'<AUDIO {preload} controls src="a.mp3"></AUDIO>')
    extract_sounds(html)
    text = page.read_text()
    assert text.count("preload") == text.count('preload="none"') == 1
    assert 'src="a.mp3"' in text
