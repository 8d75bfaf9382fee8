"""Fetch the browser libraries that the site serves itself, from npm, and check them.

    python book/_make/vendor.py           fetch again and rewrite the manifests
    python book/_make/vendor.py --check   compare the committed files with the manifests

Needs `npm` to fetch and nothing to check. The files are copied unmodified. Each library's folder
holds its licence, a VERSION file and a `manifest.json` with a SHA-256 sum for every file.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Library:
    """One npm package, and which of its files we keep.

    `files` maps a path (or a `folder/*` pattern) in the package to a path in `folder`.
    """

    package: str
    version: str
    licence: str
    folder: str
    files: dict[str, str]
    why: str


LIBRARIES = (
    Library(
        package="mathjax",
        version="3.2.2",
        licence="Apache-2.0",
        folder="book/_static/vendor/mathjax",
        files={
            "es5/tex-chtml-full.js": "tex-chtml-full.js",
            "es5/output/chtml/fonts/woff-v2/*": "output/chtml/fonts/woff-v2/",
            "LICENSE": "LICENSE",
        },
        why="Formulas. The -full bundle holds every TeX extension, so nothing is fetched later; "
        "the CHTML fonts are loaded one by one as a page needs them (the SVG bundle is 2.6 times "
        "as large on the wire).",
    ),
    Library(
        package="axe-core",
        version="4.10.3",
        licence="MPL-2.0",
        folder="tests/site/vendor/axe-core",
        files={
            "axe.min.js": "axe.min.js",
            "LICENSE": "LICENSE",
            "LICENSE-3RD-PARTY.txt": "LICENSE-3RD-PARTY.txt",
        },
        why="Accessibility checks in the browser tests. Not part of the site.",
    ),
)


def sha256(path):
    """The SHA-256 of the file at `path`, a hex str."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def listed(folder):
    """Every vendored file below `folder` but the manifest, sorted, as POSIX paths."""
    return sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and p.name != "manifest.json"
    )


def fetch(library):
    """Download `library` with npm, lay out its files and write VERSION and manifest.json."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("vendor.py needs npm to fetch; install Node.js, or use --check")
    folder = ROOT / library.folder
    spec = f"{library.package}@{library.version}"
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [npm, "pack", spec, "--silent", "--pack-destination", scratch],
            check=True,
            capture_output=True,
            text=True,
        )
        name = done.stdout.split()[-1]
        with tarfile.open(Path(scratch) / name) as archive:
            archive.extractall(scratch, filter="data")
        package = Path(scratch) / "package"
        shutil.rmtree(folder, ignore_errors=True)
        for source, target in library.files.items():
            found = sorted(package.glob(source))
            if not found:
                raise SystemExit(f"{spec} has no file {source}; adapt LIBRARIES in {__file__}")
            for path in found:
                to = folder / target
                to = to / path.name if target.endswith("/") else to
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
    (folder / "VERSION").write_text(f"{spec}\n", encoding="utf-8")
    manifest = {
        "package": library.package,
        "version": library.version,
        "licence": library.licence,
        "why": library.why,
        "files": {name: sha256(folder / name) for name in listed(folder)},
    }
    text = json.dumps(manifest, indent=2) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    return sum((folder / name).stat().st_size for name in manifest["files"])


def check(library):
    """How the committed files differ from the manifest: a list of str, empty if not at all."""
    folder = ROOT / library.folder
    path = folder / "manifest.json"
    if not path.is_file():
        return [f"{library.folder}/manifest.json is missing"]
    manifest = json.loads(path.read_text(encoding="utf-8"))
    faults = []
    if (manifest["package"], manifest["version"]) != (library.package, library.version):
        faults.append(f"{library.folder}: manifest is for another version")
    if not any(Path(name).name.startswith("LICENSE") for name in manifest["files"]):
        faults.append(f"{library.folder}: no licence")
    present = set(listed(folder))
    for name, expected in manifest["files"].items():
        if name not in present:
            faults.append(f"{library.folder}/{name} is missing")
        elif sha256(folder / name) != expected:
            faults.append(f"{library.folder}/{name} was changed")
    faults += [
        f"{library.folder}/{name} is not listed" for name in present - set(manifest["files"])
    ]
    return faults


def main(arguments=None):
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare with the manifests")
    options = parser.parse_args(arguments)
    faults = []
    for library in LIBRARIES:
        if not options.check:
            size = fetch(library)
            print(f"{library.package} {library.version}: {size / 1000:.0f} kB in {library.folder}")
        faults += check(library)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
