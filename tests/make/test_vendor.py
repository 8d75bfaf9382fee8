"""The vendored libraries are what their manifests say."""

import shutil

import pytest
import vendor


@pytest.mark.parametrize("library", vendor.LIBRARIES, ids=lambda library: library.package)
def test_vendored_files_are_unmodified(library):
    """Every file has the sum in the manifest, none is missing or extra, a licence is there."""
    assert vendor.check(library) == []


@pytest.mark.parametrize("library", vendor.LIBRARIES, ids=lambda library: library.package)
def test_version_is_stated(library):
    text = (vendor.ROOT / library.folder / "VERSION").read_text(encoding="utf-8")
    assert text == f"{library.package}@{library.version}\n"


def test_a_change_is_noticed(tmp_path, monkeypatch):
    """A changed, a missing and an extra file are each named."""
    library = vendor.LIBRARIES[1]
    shutil.copytree(vendor.ROOT / library.folder, tmp_path / library.folder)
    monkeypatch.setattr(vendor, "ROOT", tmp_path)
    assert vendor.check(library) == []
    folder = tmp_path / library.folder
    (folder / "axe.min.js").write_text("alert(1)", encoding="utf-8")
    (folder / "VERSION").unlink()
    (folder / "extra.js").touch()
    faults = " ".join(vendor.check(library))
    assert "axe.min.js was changed" in faults
    assert "VERSION is missing" in faults
    assert "extra.js is not listed" in faults
