"""A data set of a dozen files, and a server on this machine that hands it out, well or badly."""

import hashlib
import io
import os
import threading
import wave
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from helpers.datasets import _store
from helpers.datasets._download import Limits
from helpers.datasets._remote import Remote

VARIABLES = [f"LISTENING_MACHINES_{name}" for name in ("SOURCE", "MIRROR", "CACHE", "OFFLINE")]
MIRROR_OF_THIS_RUN = os.environ.get("LISTENING_MACHINES_MIRROR")


@pytest.fixture(autouse=True)
def own_store(monkeypatch, tmp_path):
    """Keep every test away from the reader's cache, mirror, settings and proxy."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    cache = tmp_path / "cache"
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(cache))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    _store.forget_failures()
    yield cache
    _store.forget_failures()


@pytest.fixture
def real_mirror(monkeypatch):
    """The mirror folder that this test run was started with, or a skip."""
    if not MIRROR_OF_THIS_RUN:
        pytest.skip("LISTENING_MACHINES_MIRROR is not set: no real recordings to test on")
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", MIRROR_OF_THIS_RUN)
    return MIRROR_OF_THIS_RUN


@pytest.fixture
def quick():
    """Short waits, so that a stalling server costs a test a fraction of a second."""
    return Limits(connect=2.0, stall=0.3, total=5.0)


def wav(samples, channels=1):
    """Encode (n,) or (n, channels) integers as a 16-bit WAV file at 8 kHz."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return stream.getvalue()


def archive(members):
    """Pack {path: bytes} into a ZIP, paths as given."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return stream.getvalue()


@dataclass
class Tiny:
    """A dozen recordings: digits 0 and 1, two speakers, takes 0, 4 and 10; one is stereo."""

    remote: Remote
    files: dict[str, bytes]

    def members(self, top="tiny-0123abc"):
        return {f"{top}/{name}": content for name, content in self.files.items()}

    def archive(self, **changes):
        return archive({**self.members(), **changes})

    def write(self, folder):
        for name, content in self.files.items():
            path = folder / self.remote.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder


@dataclass
class Server:
    """What the test server answers, {path: function of the request handler}, and what was asked."""

    address: str
    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def gives(self, path, body, status=200, length=None, headers=()):
        def answer(request):
            request.send_response(status)
            for name, value in headers:
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(body) if length is None else length))
            request.end_headers()
            request.wfile.write(body)

        self.answers[path] = answer


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.close_connection = True
            state.asked.append(self.path)
            try:
                state.answers[self.path](self)
            except ConnectionError:
                state.asked.append("hung up")

        def log_message(self, *args):
            return

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(f"http://127.0.0.1:{served.server_port}")
    thread = threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.fixture
def tiny(server, tmp_path):
    """The tiny set, declared to be found at the test server, which hands it out as it should."""
    generator = np.random.default_rng(5)
    files = {}
    for digit in (0, 1):
        for speaker in ("ann", "bob"):
            for take in (0, 4, 10):
                length = 800 + 10 * take + digit
                samples = generator.integers(-9000, 9000, (length, 2))
                stereo = (digit, speaker, take) == (1, "bob", 4)
                content = wav(samples, 2) if stereo else wav(samples[:, 0])
                files[f"recordings/{digit}_{speaker}_{take}.wav"] = content
    sums = tmp_path / "tiny.sha256"
    sums.write_text(
        "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    )
    made = Tiny(
        Remote(
            name="tiny",
            title="the tiny set",
            url=f"{server.address}/tiny.zip",
            archive_sha256=None,
            sums_file=str(sums),
            folder_in_archive="*",
            licence="CC0",
            citation_key="tiny",
            credit="nobody",
            bytes=20_000,
        ),
        files,
    )
    server.gives("/tiny.zip", made.archive())
    return made
