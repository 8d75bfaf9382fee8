"""The environment variables that chapters run with, and nothing of the reader's own settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Under pytest, ipykernel would not capture what C code writes to stderr.
DROPPED = ("PYTHONPATH", "PYTHONSTARTUP", "JUPYTER_PATH", "PYTEST_CURRENT_TEST")

# ipykernel 7 warns about its local TCP sockets once per kernel, on the console.
KERNEL_CONFIG = 'get_config().IPKernelApp.log_level = "ERROR"\n'


def kernel_environment(settings: Path, data: dict, side_by_side: int = 1) -> dict[str, str]:
    """Variables for a kernel; `settings` is a folder for the private configuration it will see.

    `data` is what the data sets resolved to: all chapters are held to it. `side_by_side` is how
    many chapters run at a time: they share the cores, where one alone has them all.
    """
    profile = settings / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(KERNEL_CONFIG, encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if name not in DROPPED}
    fonts = settings / "matplotlib"
    variables.update(
        IPYTHONDIR=str(settings / "ipython"),
        JUPYTER_CONFIG_DIR=str(settings / "jupyter"),
        JUPYTER_DATA_DIR=str(settings / "jupyter-data"),
        JUPYTER_NO_CONFIG="1",
        MPLCONFIGDIR=str(fonts),
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        KERAS_HOME=str(settings / "keras"),
        KERAS_BACKEND="tensorflow",
        TF_CPP_MIN_LOG_LEVEL="3",
        # Chapters run side by side; their small matrices gain nothing from threads that compete.
        OPENBLAS_NUM_THREADS="1",
        PYTHONHASHSEED="0",
        PYTHONNOUSERSITE="1",
        PYTHONUTF8="1",
        LISTENING_MACHINES_BUILD="1",
        LISTENING_MACHINES_OFFLINE="1",
    )
    if side_by_side > 1:
        # Left to itself, each TensorFlow starts a thread per core; they take turns and time.
        threads = str(max(1, (os.cpu_count() or 1) // side_by_side))
        variables.update(TF_NUM_INTRAOP_THREADS=threads, TF_NUM_INTEROP_THREADS=threads)
    sources = {resolved["source"] for resolved in data.values()}
    if sources == {"builtin"}:
        variables["LISTENING_MACHINES_SOURCE"] = "builtin"
    elif sources and "builtin" not in sources:
        variables["LISTENING_MACHINES_SOURCE"] = "real"
    if not fonts.exists():
        # Matplotlib lists the fonts once, and says so on stderr where that takes long.
        subprocess.run(
            [sys.executable, "-c", "import matplotlib.font_manager"],
            env=variables,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        fonts.mkdir(parents=True, exist_ok=True)
    return variables
