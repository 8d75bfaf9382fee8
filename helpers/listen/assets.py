"""The script and the style of the reading components, and who brings them to the page."""

import os
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"


def building():
    """Whether the site is built (LISTENING_MACHINES_BUILD=1), without a kernel. Chapter: 2.1"""
    return os.environ.get("LISTENING_MACHINES_BUILD") == "1"


def bring():
    """Style and script for an output that runs live, as HTML; the site links them instead.

    The script looks after what it finds and does not mind being there twice. Chapter: 2.1
    """
    if building():
        return ""
    style, script = _texts()
    return f"<style>{style}</style><script>{script}</script>"


@cache
def _texts():
    return tuple(
        (STATIC / name).read_text(encoding="utf-8") for name in ("listen.css", "listen.js")
    )
