"""Move the sounds that built pages carry as base64 into files that load when they are played."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path

from chapters import write_if_changed

FOLDER = "_audio"
SUFFIXES = {
    "wav": "wav",
    "x-wav": "wav",
    "wave": "wav",
    "vnd.wave": "wav",
    "flac": "flac",
    "x-flac": "flac",
    "ogg": "ogg",
    "mpeg": "mp3",
    "mp3": "mp3",
    "webm": "webm",
    "mp4": "m4a",
}
AUDIO_TAG = re.compile(r"<audio\b[^>]*>", re.IGNORECASE)
EMBEDDED = re.compile(
    r"""(["'])data:audio/([\w.+-]+)(?:;[\w=.+-]+)*?;base64,([A-Za-z0-9+/=\s]+)\1""", re.IGNORECASE
)
PRELOAD = re.compile(r"""\spreload(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]+))?(?=[\s/>])""", re.IGNORECASE)


def extract_sounds(html: Path) -> int:
    """Rewrite every page under `html` that embeds sound; return how many files now hold sound.

    Files that no page plays any more are deleted. Running it twice changes nothing.
    """
    played = set()
    for page in sorted(html.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        if "<audio" not in text.lower() and "data:audio/" not in text:
            continue
        up = "../" * (len(page.relative_to(html).parts) - 1)

        def to_file(match: re.Match, up: str = up) -> str:
            quote, kind, data = match.groups()
            content = base64.b64decode(data)
            suffix = SUFFIXES.get(kind.lower(), "bin")
            name = f"{hashlib.sha256(content).hexdigest()[:20]}.{suffix}"
            write_if_changed(html / FOLDER / name, content)
            return f"{quote}{up}{FOLDER}/{name}{quote}"

        new = AUDIO_TAG.sub(_preload_none, EMBEDDED.sub(to_file, text))
        played.update(re.findall(rf"{FOLDER}/(\w+\.\w+)", new))
        write_if_changed(page, new)
    for path in (html / FOLDER).glob("*"):
        if path.name not in played:
            os.remove(path)
    return len(played)


def _preload_none(match: re.Match) -> str:
    tag = PRELOAD.sub("", match[0])
    return tag[:6] + ' preload="none"' + tag[6:]
