"""Lay out the tree that Sphinx builds from: the sources, with executed notebooks in their place.

Nothing is written whose content is the same already, so Sphinx sees only what has changed.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import yaml
from chapters import BuildError, Chapter, files_in, write_if_changed

CLAIM_MIME = "application/vnd.listening-machines.claim+json"
RECORD = "_record.json"
NOT_STAGED = ("_make",)
QUOTED = ("helpers/scratch", "tests/helpers/scratch")
"""Folders of code that pages quote."""


def stage(root: Path, staged: Path, executed: dict[str, Path], record: dict) -> None:
    """Bring the staged tree up to date.

    `executed` has each chapter's executed notebook by `doc`. `record` is stored where the status
    pages find it.
    """
    wanted: dict[Path, bytes] = {
        Path("_config.yml"): _config(root / "_config.yml"),
        Path("_toc.yml"): (root / "_toc.yml").read_bytes(),
        Path(RECORD): (json.dumps(record, indent=1) + "\n").encode(),
    }
    for folder in ("book", "notebooks"):
        for path in files_in(root / folder):
            relative = path.relative_to(root)
            if path.suffix != ".ipynb" and not set(relative.parts).intersection(NOT_STAGED):
                wanted[relative] = path.read_bytes()
    for folder in QUOTED:
        for path in (root / folder).glob("*.py"):
            wanted[path.relative_to(root)] = path.read_bytes()
    for path in root.glob("*.md"):
        wanted[Path(path.name)] = path.read_bytes()
    for doc, notebook in executed.items():
        wanted[Path(f"{doc}.ipynb")] = _without_claims(notebook)
    for relative, content in wanted.items():
        write_if_changed(staged / relative, content)
    for path in files_in(staged):
        if path.relative_to(staged) not in wanted:
            path.unlink()


def _config(path: Path) -> bytes:
    """The book's configuration, with execution off, as it has happened, and the status pages on.

    `status` comes last among the extensions, so that its directives stand.
    """
    config = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    config["execute"] = {**(config.get("execute") or {}), "execute_notebooks": "off"}
    sphinx = config["sphinx"] = dict(config.get("sphinx") or {})
    local = dict(sphinx.get("local_extensions") or {})
    local.pop("status", None)
    sphinx["local_extensions"] = {**local, "status": "book/_ext"}
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()


def _outputs(notebook: dict):
    for cell in notebook["cells"]:
        yield from cell.get("outputs", ())


def _without_claims(path: Path) -> bytes:
    """The notebook less the claims' data, a type of output that Sphinx does not know."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for output in _outputs(notebook):
        output.get("data", {}).pop(CLAIM_MIME, None)
        output.get("metadata", {}).pop(CLAIM_MIME, None)
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [o for o in cell["outputs"] if o.get("data", True) != {}]
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def collect_claims(chapters: list[Chapter], executed: dict[str, Path]) -> list[dict]:
    """The claims that the executed notebooks carry, each with its `chapter` and `doc`."""
    claims, owner = [], {}
    for chapter in chapters:
        notebook = json.loads(executed[chapter.doc].read_text(encoding="utf-8"))
        for output in _outputs(notebook):
            claim = copy.copy(output.get("data", {}).get(CLAIM_MIME))
            if claim is None:
                continue
            claim = json.loads(claim) if isinstance(claim, str) else claim
            if claim["id"] in owner:
                raise BuildError(
                    f"The claim {claim['id']} stands twice: in {owner[claim['id']]} and in "
                    f"{chapter.doc}. Each verdict needs an id of its own."
                )
            owner[claim["id"]] = chapter.doc
            claims.append({**claim, "chapter": chapter.id, "doc": chapter.doc})
    return claims
