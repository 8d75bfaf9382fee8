"""Fetch one archive over HTTP and unpack the declared files from it; see `_store` for the rest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from helpers.datasets._remote import Remote, complaint, is_plain_path
from helpers.errors import DataCorrupt, DataIncomplete, DataUnavailable

_REDIRECTS = 10
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Limits:
    """How long to wait for a server, in seconds: to connect, between two blocks, and in all."""

    connect: float = 10.0
    stall: float = 20.0
    total: float = 1800.0


def download(remote: Remote, target: Path, limits: Limits) -> None:
    """Stream the archive of `remote` into the file `target`.

    Raises DataUnavailable if the server cannot be reached, refuses, stalls or redirects to an
    insecure address, DataIncomplete if the transfer is cut off, DataCorrupt if the archive is far
    too large or has another sum than declared. An OSError from here is about the local disk.
    """
    digest, received = hashlib.sha256(), 0
    with open(target, "wb") as file:
        for block in _blocks(remote, limits):
            received += len(block)
            if received > 3 * remote.bytes:
                raise complaint(
                    DataCorrupt, remote, f"the server sent more than {_mb(3 * remote.bytes)}"
                )
            digest.update(block)
            file.write(block)
    if remote.archive_sha256 not in (None, digest.hexdigest()):
        raise complaint(DataCorrupt, remote, "the archive's SHA-256 sum is not the one on record")


def _blocks(remote: Remote, limits: Limits) -> Iterator[bytes]:
    import requests
    import urllib3

    deadline = time.monotonic() + limits.total
    received, expected = 0, None
    try:
        with closing(_open(remote, limits)) as response:
            length = response.headers.get("Content-Length", "")
            expected = int(length) if re.fullmatch(r"\d+", length) else None
            if expected is not None and expected > 3 * remote.bytes:
                raise complaint(
                    DataCorrupt,
                    remote,
                    f"the server offers {_mb(expected)} where about {_mb(remote.bytes)} were "
                    "expected",
                )
            while block := response.raw.read1(_BLOCK):
                received += len(block)
                yield block
                if time.monotonic() > deadline:
                    raise complaint(
                        DataUnavailable,
                        remote,
                        f"the download was not complete after {limits.total:g} seconds",
                    )
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        connecting = isinstance(error, requests.ConnectTimeout)
        waited = limits.connect if connecting else limits.stall
        what = "no connection" if connecting else "the server sent nothing"
        raise complaint(DataUnavailable, remote, f"{what} for {waited:g} seconds") from error
    except requests.exceptions.SSLError as error:
        raise complaint(
            DataUnavailable, remote, "the server's certificate was not accepted"
        ) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        if received:
            raise _cut_off(remote, received, expected) from error
        raise complaint(
            DataUnavailable, remote, f"no connection to {urlsplit(remote.url).hostname}"
        ) from error
    if expected is not None and received < expected:
        raise _cut_off(remote, received, expected)


def _open(remote: Remote, limits: Limits):
    import requests

    address = remote.url
    for _ in range(_REDIRECTS + 1):
        response = requests.get(
            address,
            stream=True,
            allow_redirects=False,
            timeout=(limits.connect, limits.stall),
            headers={
                "Accept-Encoding": "identity",
                "User-Agent": "listening-machines",
            },
        )
        if not response.is_redirect:
            break
        response.close()
        target = urljoin(address, response.headers["Location"])
        before, after = urlsplit(address).scheme, urlsplit(target).scheme
        if after not in ("http", "https") or (before == "https" and after != "https"):
            raise complaint(
                DataUnavailable, remote, f"the server redirects from {before} to {after}, refused"
            )
        address = target
    else:
        raise complaint(DataUnavailable, remote, f"more than {_REDIRECTS} redirects")
    if response.status_code != 200:
        response.close()
        raise complaint(
            DataUnavailable,
            remote,
            f"the server answered {response.status_code} {response.reason}".rstrip(),
        )
    return response


def _cut_off(remote: Remote, received: int, expected: int | None) -> DataIncomplete:
    of = "" if expected is None else f" of {expected}"
    return complaint(DataIncomplete, remote, f"the download was cut off after {received}{of} bytes")


def unpack(remote: Remote, archive: Path, folder: Path) -> None:
    """Write the declared files of `archive` under `folder`, and nothing else.

    Raises DataCorrupt if this is no readable ZIP archive, if a member would leave the folder, or
    if it unpacks to far more than expected; DataIncomplete if a declared file is not in it.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _declared_members(remote, opened)
            for name, member in members.items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as packed, open(target, "wb") as file:
                    shutil.copyfileobj(packed, file)
                    file.flush()
                    os.fsync(file.fileno())
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, DataCorrupt):
            raise
        raise complaint(
            DataCorrupt, remote, "what arrived is not a readable ZIP archive"
        ) from error


def _declared_members(remote: Remote, opened: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    wanted = dict.fromkeys(remote.members())
    found: dict[str, zipfile.ZipInfo] = {}
    for member in opened.infolist():
        if not is_plain_path(member.filename):
            raise complaint(
                DataCorrupt, remote, f"the archive holds an unsafe path, {member.filename!r}"
            )
        if remote.folder_in_archive == "*":
            name = member.filename.partition("/")[2]
        else:
            name = member.filename.removeprefix(f"{remote.folder_in_archive}/")
        if name in wanted and not member.is_dir():
            if name in found:
                raise complaint(DataCorrupt, remote, f"the archive holds {name} twice")
            found[name] = member
    missing = [name for name in wanted if name not in found]
    if missing:
        raise complaint(
            DataIncomplete,
            remote,
            f"the archive lacks {len(missing)} of {len(wanted)} files, among them {missing[0]}",
        )
    if sum(member.file_size for member in found.values()) > 10 * remote.bytes:
        raise complaint(DataCorrupt, remote, "the archive unpacks to far more than expected")
    return found


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size} bytes"
