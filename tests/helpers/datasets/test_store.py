"""The store: where a data set is found, and every way in which finding it may go wrong."""

import errno
import hashlib
import io
import os
import socket
import stat
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
import requests

import helpers
from helpers.datasets import _download, _store
from helpers.datasets._store import fetch, real_or_builtin, wanted_source
from helpers.errors import DataCorrupt, DataError, DataIncomplete, DataUnavailable

ROOT = Path(helpers.__file__).parents[1]


def contents(folder):
    """All files under a folder, but for the lock files, as {path: bytes}."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def quiet(line):
    """Say nothing."""


def left_over(cache):
    """Names of everything in the cache but the lock file."""
    return sorted(path.name for path in cache.glob("*") if path.suffix != ".lock")


def refused(kind, tiny, cache, limits, *said):
    """Demand the set, expect `kind`, and check the message and that nothing was left behind."""
    with pytest.raises(kind) as caught:
        fetch(tiny.remote, source="real", say=quiet, limits=limits)
    message = str(caught.value)
    for part in (tiny.remote.url, "LISTENING_MACHINES_MIRROR", 'source="builtin"', *said):
        assert part in message
    assert left_over(cache) == []
    return caught.value


# What goes well


def test_a_download_is_placed_and_found_in_the_cache_afterwards(tiny, server, own_store, quick):
    said = []
    first = fetch(tiny.remote, say=said.append, limits=quick)
    second = fetch(tiny.remote, say=said.append, limits=quick)
    assert (first.origin, second.origin) == ("download", "cache")
    assert first.path == second.path == own_store / "tiny"
    assert contents(first.path) == tiny.files
    assert left_over(own_store) == ["tiny"]
    assert server.asked == ["/tiny.zip"]
    assert len(said) == 1 and tiny.remote.url in said[0]


def test_a_chunked_answer_without_a_length_is_read_to_its_end(tiny, server, own_store, quick):
    server.answers["/tiny.zip"] = in_chunks(tiny.archive(), finished=True)
    assert contents(fetch(tiny.remote, say=print, limits=quick).path) == tiny.files


def test_files_that_are_not_declared_are_not_unpacked(tiny, server, quick):
    extra = {"tiny-0123abc/recordings/9_eve_0.wav": b"x", "tiny-0123abc/setup.py": b"boo"}
    server.gives("/tiny.zip", tiny.archive(**extra))
    assert contents(fetch(tiny.remote, limits=quick).path) == tiny.files


def test_the_folder_in_the_archive_may_be_named(tiny, server, quick):
    remote = replace(tiny.remote, folder_in_archive="tiny-0123abc")
    assert contents(fetch(remote, limits=quick).path) == tiny.files


def test_redirects_are_followed(tiny, server, quick):
    server.gives("/moved.zip", b"moved", 302, headers=[("Location", "/again")])
    server.gives("/again", b"", 301, headers=[("Location", f"{server.address}/tiny.zip")])
    remote = replace(tiny.remote, url=f"{server.address}/moved.zip")
    assert contents(fetch(remote, limits=quick).path) == tiny.files
    assert server.asked == ["/moved.zip", "/again", "/tiny.zip"]


def test_a_mirror_is_read_in_place(tiny, server, own_store, tmp_path, monkeypatch):
    mirror = tiny.write(tmp_path / "mirror")
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(mirror))
    for path in [*mirror.rglob("*"), mirror]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = {path: path.stat().st_mtime_ns for path in mirror.rglob("*")}
    try:
        found = fetch(tiny.remote, source="real")
        assert found == (mirror / "tiny", "mirror")
        assert {path: path.stat().st_mtime_ns for path in mirror.rglob("*")} == before
    finally:
        for path in [mirror, *mirror.rglob("*")]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
    assert server.asked == [] and not own_store.exists()


def test_a_mirror_serves_where_the_cache_folder_cannot_be_made(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(tiny.write(tmp_path / "mirror")))
    assert fetch(tiny.remote).origin == "mirror"


def test_the_cache_comes_before_the_mirror(tiny, tmp_path, monkeypatch, quick):
    fetch(tiny.remote, limits=quick)
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(tmp_path / "no such folder"))
    monkeypatch.setenv("LISTENING_MACHINES_OFFLINE", "1")
    assert fetch(tiny.remote, source="real").origin == "cache"


def test_a_cache_path_beyond_ascii_works(tiny, tmp_path, monkeypatch, quick):
    cache = tmp_path / "Hörbücher ガ и звук"
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(cache))
    assert contents(fetch(tiny.remote, limits=quick).path) == tiny.files
    assert fetch(tiny.remote).path == cache / "tiny"


def test_the_default_cache_is_the_users(monkeypatch):
    monkeypatch.delenv("LISTENING_MACHINES_CACHE")
    assert _store.cache_folder().is_absolute()
    assert "listening-machines" in _store.cache_folder().parts


# What a server or a network may do wrong


def in_chunks(body, finished):
    def answer(request):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for start in range(0, len(body), 1000):
            block = body[start : start + 1000]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        if finished:
            request.wfile.write(b"0\r\n\r\n")

    return answer


def test_cut_off(tiny, server, own_store, quick):
    body = tiny.archive()
    server.gives("/tiny.zip", body[:3000], length=len(body))
    refused(DataIncomplete, tiny, own_store, quick, "cut off", f"of {len(body)} bytes")


def test_cut_off_in_chunks(tiny, server, own_store, quick):
    server.answers["/tiny.zip"] = in_chunks(tiny.archive()[:3000], finished=False)
    refused(DataIncomplete, tiny, own_store, quick, "cut off")


def test_wrong_bytes_in_one_file(tiny, server, own_store, quick):
    name = "recordings/1_ann_4.wav"
    changed = bytearray(tiny.files[name])
    changed[100] ^= 1
    server.gives("/tiny.zip", tiny.archive(**{f"tiny-0123abc/{name}": bytes(changed)}))
    refused(DataCorrupt, tiny, own_store, quick, name)


def test_damaged_inside_the_archive(tiny, server, own_store, quick):
    body = bytearray(tiny.archive())
    body[200:260] = bytes(60)
    server.gives("/tiny.zip", bytes(body))
    refused(DataCorrupt, tiny, own_store, quick)


def test_not_a_zip(tiny, server, own_store, quick):
    server.gives("/tiny.zip", b"<html>Please log in to this network</html>")
    refused(DataCorrupt, tiny, own_store, quick, "not a readable ZIP")


def test_an_empty_answer(tiny, server, own_store, quick):
    server.gives("/tiny.zip", b"")
    refused(DataCorrupt, tiny, own_store, quick, "not a readable ZIP")


def test_a_sum_of_the_whole_archive_is_checked_where_declared(tiny, server, own_store, quick):
    right = hashlib.sha256(tiny.archive()).hexdigest()
    server.gives("/tiny.zip", tiny.archive())
    tiny.remote = replace(tiny.remote, archive_sha256="0" * 64)
    refused(DataCorrupt, tiny, own_store, quick, "SHA-256")
    _store.forget_failures()
    assert fetch(replace(tiny.remote, archive_sha256=right), limits=quick).origin == "download"


def test_a_declared_file_is_not_in_the_archive(tiny, server, own_store, quick):
    del tiny.files["recordings/0_bob_0.wav"]
    server.gives("/tiny.zip", tiny.archive())
    refused(DataIncomplete, tiny, own_store, quick, "recordings/0_bob_0.wav", "1 of 12")


@pytest.mark.parametrize(
    "path",
    ["../../evil.txt", "/evil.txt", "tiny-0123abc/../../evil.txt", "..\\evil.txt", "C:/evil.txt"],
)
def test_an_archive_that_would_write_elsewhere(path, tiny, server, own_store, quick, tmp_path):
    server.gives("/tiny.zip", tiny.archive(**{path: b"evil"}))
    refused(DataCorrupt, tiny, own_store, quick, "unsafe path")
    assert not list(tmp_path.rglob("evil*"))


def test_a_file_that_is_in_the_archive_twice(tiny, server, own_store, quick):
    members = {"other/recordings/0_ann_0.wav": b"another"}
    server.gives("/tiny.zip", tiny.archive(**members))
    refused(DataCorrupt, tiny, own_store, quick, "twice")


def test_an_archive_that_unpacks_to_far_too_much(tiny, server, own_store, quick):
    huge = {"tiny-0123abc/recordings/0_ann_0.wav": bytes(1_000_000)}
    server.gives("/tiny.zip", tiny.archive(**huge))
    refused(DataCorrupt, tiny, own_store, quick, "far more")


@pytest.mark.parametrize("announced", [True, False])
def test_far_too_many_bytes(announced, tiny, server, own_store, quick):
    body = bytes(200_000)
    server.gives("/tiny.zip", body)
    if not announced:
        server.answers["/tiny.zip"] = in_chunks(body, finished=True)
    refused(DataCorrupt, tiny, own_store, quick)


@pytest.mark.parametrize("status", [404, 403, 500, 204])
def test_a_refusal(status, tiny, server, own_store, quick):
    server.gives("/tiny.zip", b"", status)
    refused(DataUnavailable, tiny, own_store, quick, str(status))


def test_redirects_without_end(tiny, server, own_store, quick):
    server.gives("/tiny.zip", b"", 302, headers=[("Location", "/tiny.zip")])
    refused(DataUnavailable, tiny, own_store, quick, "redirects")
    assert len(server.asked) == 11


def test_a_redirect_to_another_kind_of_address(tiny, server, own_store, quick):
    server.gives("/tiny.zip", b"", 302, headers=[("Location", "file:///etc/hostname")])
    refused(DataUnavailable, tiny, own_store, quick, "redirects from http to file")


def test_a_redirect_from_https_to_http(tiny, monkeypatch):
    class Answer:
        is_redirect, headers = True, {"Location": "http://127.0.0.1/tiny.zip"}

        def close(self):
            return

    monkeypatch.setattr(requests, "get", lambda address, **given: Answer())
    remote = replace(tiny.remote, url="https://127.0.0.1/tiny.zip")
    with pytest.raises(DataUnavailable, match="from https to http, refused"):
        _download._open(remote, _download.Limits())


@pytest.mark.parametrize("sent", [0, 3000])
def test_a_server_that_stalls(sent, tiny, server, own_store, quick):
    def stall(request):
        request.send_response(200)
        request.send_header("Content-Length", "9000")
        request.end_headers()
        request.wfile.write(tiny.archive()[:sent])
        time.sleep(0.8)

    server.answers["/tiny.zip"] = stall
    refused(DataUnavailable, tiny, own_store, quick, "sent nothing for 0.3 seconds")


def test_a_server_that_only_drips(tiny, server, own_store):
    def drip(request):
        request.send_response(200)
        request.send_header("Content-Length", "9000")
        request.end_headers()
        for byte in tiny.archive():
            request.wfile.write(bytes([byte]))
            time.sleep(0.02)

    server.answers["/tiny.zip"] = drip
    limits = _download.Limits(connect=1, stall=1, total=0.3)
    refused(DataUnavailable, tiny, own_store, limits, "not complete after 0.3 seconds")


def test_nobody_answers(tiny, own_store, quick):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        tiny.remote = replace(tiny.remote, url=f"http://127.0.0.1:{taken.getsockname()[1]}/t.zip")
        refused(DataUnavailable, tiny, own_store, quick, "no connection")


def test_an_unknown_host(tiny, own_store, quick, monkeypatch):
    def unknown(*given, **also):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    tiny.remote = replace(tiny.remote, url="https://nowhere.invalid/tiny.zip")
    refused(DataUnavailable, tiny, own_store, quick, "no connection to nowhere.invalid")


def test_offline_forbids_downloads(tiny, server, own_store, quick, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_OFFLINE", "1")
    refused(DataUnavailable, tiny, own_store, quick, "LISTENING_MACHINES_OFFLINE")
    assert server.asked == []
    monkeypatch.setenv("LISTENING_MACHINES_OFFLINE", "0")
    assert fetch(tiny.remote, limits=quick).origin == "download"


def test_a_failed_download_is_not_tried_again(tiny, server, own_store, quick):
    server.gives("/tiny.zip", b"", 404)
    for _ in range(3):
        refused(DataUnavailable, tiny, own_store, quick, "404")
    assert server.asked == ["/tiny.zip"]
    server.gives("/tiny.zip", tiny.archive())
    _store.forget_failures()
    assert fetch(tiny.remote, limits=quick).origin == "download"


# What this machine may do wrong


def test_the_disk_is_full(tiny, own_store, quick, monkeypatch):
    """At every write in turn: of the archive, of any unpacked file."""

    class Full(io.FileIO):
        def write(self, block):
            room[0] -= len(block)
            if room[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(block)

    room = [0]
    monkeypatch.setattr(_download, "open", Full, raising=False)
    size = len(tiny.archive())
    for free in (0, size - 1, size, size + 5000):
        room[0] = free
        _store.forget_failures()
        error = refused(DataUnavailable, tiny, own_store, quick, "LISTENING_MACHINES_CACHE")
        assert "no room left" in str(error)


def test_a_cache_folder_that_cannot_be_made(tiny, tmp_path, monkeypatch, quick):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LISTENING_MACHINES_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataUnavailable, match="cannot be written") as caught:
        fetch(tiny.remote, limits=quick)
    assert "LISTENING_MACHINES_CACHE" in str(caught.value)


@pytest.mark.parametrize(
    ("module", "step"),
    [(_store, "download"), (_store, "unpack"), (_download, "_declared_members"), (_store, "_put")],
)
def test_an_interrupt_at_any_step_leaves_nothing(module, step, tiny, own_store, quick, monkeypatch):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(tiny.remote, limits=quick)
    assert left_over(own_store) == []


def test_an_interrupt_between_two_blocks_leaves_nothing_and_is_not_held_against_the_server(
    tiny, own_store, quick, monkeypatch
):
    blocks = _download._blocks

    def interrupted(*given):
        yield next(blocks(*given))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_download, "_blocks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(tiny.remote, limits=quick)
    assert left_over(own_store) == []
    assert fetch(tiny.remote, limits=quick).origin == "download"


def test_leftovers_of_a_killed_process_are_removed(tiny, own_store, quick):
    leftover = own_store / ".tiny-partial-abc" / "fresh"
    leftover.mkdir(parents=True)
    (leftover / "half.wav").write_bytes(b"RIFF")
    fetch(tiny.remote, limits=quick)
    assert left_over(own_store) == ["tiny"]


@pytest.mark.parametrize("harm", ["changed", "missing", "emptied", "a folder in its place"])
def test_a_damaged_cache_is_noticed_and_fetched_anew(harm, tiny, own_store, quick):
    victim = fetch(tiny.remote, limits=quick).path / "recordings" / "1_ann_0.wav"
    whole = victim.read_bytes()
    if harm == "changed":
        times = victim.stat()
        victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif harm == "emptied":
        victim.write_bytes(b"")
    else:
        victim.unlink()
        if harm == "a folder in its place":
            victim.mkdir()
    said = []
    found = fetch(tiny.remote, say=said.append, limits=quick)
    assert found.origin == "download"
    assert contents(found.path) == tiny.files
    assert left_over(own_store) == ["tiny"]
    assert "damaged" in said[0] and "recordings/1_ann_0.wav" in said[0]


def test_a_damaged_cache_stays_as_it_is_while_there_is_nothing_better(tiny, server, quick):
    place = fetch(tiny.remote, limits=quick).path
    (place / "recordings" / "1_ann_0.wav").unlink()
    server.gives("/tiny.zip", b"", 404)
    with pytest.raises(DataUnavailable):
        fetch(tiny.remote, limits=quick)
    assert len(contents(place)) == 11


@pytest.mark.parametrize("harm", ["missing folder", "missing file", "wrong bytes"])
def test_a_bad_mirror(harm, tiny, server, tmp_path, monkeypatch, own_store, quick):
    mirror = tmp_path / "mirror"
    if harm != "missing folder":
        victim = tiny.write(mirror) / "tiny" / "recordings" / "0_bob_10.wav"
        victim.write_bytes(b"wrong") if harm == "wrong bytes" else victim.unlink()
    monkeypatch.setenv("LISTENING_MACHINES_MIRROR", str(mirror))
    kind = DataCorrupt if harm == "wrong bytes" else DataIncomplete
    refused(kind, tiny, own_store, quick, str(mirror), "mend the mirror")
    assert server.asked == []
    said = []
    assert fetch(tiny.remote, source="auto", say=said.append, limits=quick).origin == "download"
    assert said[0].startswith("Notice: the mirror folder") and "\n" not in said[0]


def start(code, tiny, cache):
    """Run code in another Python, with `remote` and `limits` defined."""
    given = {name: getattr(tiny.remote, name) for name in tiny.remote.__dataclass_fields__}
    script = textwrap.dedent(f"""
        from helpers.datasets._store import Limits, Remote, fetch
        remote, limits = Remote(**{given!r}), Limits(2, 2, 20)
    """) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "LISTENING_MACHINES_CACHE": str(cache), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_at_once_one_downloads(tiny, server, own_store):
    def slow(request):
        time.sleep(1.0)
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    body = tiny.archive()
    server.answers["/tiny.zip"] = slow
    code = "print(fetch(remote, say=lambda line: None, limits=limits).origin)"
    both = [start(code, tiny, own_store) for _ in range(2)]
    answers = [process.communicate(timeout=30) for process in both]
    assert [error for _, error in answers] == ["", ""]
    assert sorted(out.strip() for out, _ in answers) == ["cache", "download"]
    assert server.asked == ["/tiny.zip"]
    assert contents(own_store / "tiny") == tiny.files
    assert left_over(own_store) == ["tiny"]


def test_a_killed_process_does_not_hold_the_lock(tiny, server, own_store, quick):
    def stuck(request):
        request.send_response(200)
        request.send_header("Content-Length", "9000")
        request.end_headers()
        request.wfile.write(b"PK")
        time.sleep(1.0)

    server.answers["/tiny.zip"] = stuck
    process = start("fetch(remote, limits=limits)", tiny, own_store)
    patience = time.monotonic() + 20
    while not server.asked and time.monotonic() < patience:
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=10)
    assert left_over(own_store) != []
    server.gives("/tiny.zip", tiny.archive())
    assert fetch(tiny.remote, limits=quick).origin == "download"
    assert left_over(own_store) == ["tiny"]


# Which source is wanted


def test_the_wanted_source(monkeypatch):
    assert wanted_source() == "auto"
    monkeypatch.setenv("LISTENING_MACHINES_SOURCE", " Real ")
    assert wanted_source() == "real"
    assert wanted_source("builtin") == "builtin"
    with pytest.raises(ValueError, match=r'source is "human".*"auto", "builtin" or "real"'):
        wanted_source("human")
    monkeypatch.setenv("LISTENING_MACHINES_SOURCE", "fsdd")
    with pytest.raises(ValueError, match="LISTENING_MACHINES_SOURCE"):
        wanted_source()


def test_builtin_means_that_nobody_is_asked(tiny, server, own_store, monkeypatch):
    monkeypatch.setenv("LISTENING_MACHINES_SOURCE", "builtin")
    with pytest.raises(DataUnavailable, match="only built-in"):
        fetch(tiny.remote)
    assert server.asked == [] and not own_store.exists()


def test_falling_back_says_why_in_one_line(tiny, server, quick, capsys):
    server.gives("/tiny.zip", b"", 404)

    def load_real(wanted):
        return fetch(tiny.remote, source=wanted, limits=quick)

    assert real_or_builtin(load_real, lambda: "voices") == "voices"
    out, error = capsys.readouterr()
    assert out.splitlines()[-1].startswith(
        "Notice: going on with built-in data, because the server"
    )
    assert len(out.splitlines()) == 2 and error == ""
    assert real_or_builtin(load_real, lambda: "voices", "builtin") == "voices"
    with pytest.raises(DataError, match="404"):
        real_or_builtin(load_real, lambda: "voices", "real")
