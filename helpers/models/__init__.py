"""Networks and Keras layers: one file per family. Importing any of them loads TensorFlow.

TensorFlow writes lines about its processor options to file descriptor 2 whatever its log level.
Switching those options off would silence it and halve its speed, so the descriptor is pointed at
nothing during the import, and only then.
"""

import os
import sys


def _import_quietly():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        import keras
        import tensorflow as tf

        tf.constant(0.0) + 1.0  # the first operation is when it speaks
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
    return keras, tf


keras, tf = _import_quietly()
