"""Run Jupyter Book's own Sphinx build strictly: `sphinx_build.py SOURCE OUTPUT`.

Every warning is an error (-W --keep-going), unresolved references are warnings (-n). Pages are
read only if they changed, but every page is written, so that a reference that stopped resolving
is found on an unchanged page too.
"""

import sys
from pathlib import Path

from jupyter_book.sphinx import build_sphinx


def main(source: str, output: str) -> int:
    result = build_sphinx(
        Path(source),
        Path(output),
        doctreedir=Path(output).parent / ".doctrees",
        noconfig=True,
        path_config=Path(source) / "_config.yml",
        confoverrides={
            "external_toc_path": (Path(source) / "_toc.yml").as_posix(),
            "latex_individualpages": False,
            "nitpicky": True,
        },
        force_all=True,
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    return result if isinstance(result, int) else 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
