"""Feed random, cut and mutated audio files to the loader, and to the recogniser.

    python -m helpers.fuzz --count 5000 --seed 0
    python -m helpers.fuzz --count 5000 --seed 0 --recognise

Each file is made from the seed and its number alone, so that any of them can be made again with
`make_case(seed, number)`. The only exceptions that may come out are those of the `AudioError`
family. Decoding runs in a child process: if a file makes it raise anything else, crash, take
longer than `--seconds`, write to standard error, or return something that is not sound, the file is
kept in `--keep` and the command ends with status 1.
"""

import argparse
import contextlib
import functools
import io
import json
import os
import queue
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

FORMATS = (
    *(("WAV", s) for s in ("PCM_16", "PCM_24", "PCM_32", "PCM_U8", "FLOAT", "DOUBLE", "ULAW")),
    *(("WAV", s) for s in ("ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_16")),
    *(("WAV", s) for s in ("NMS_ADPCM_24", "NMS_ADPCM_32")),
    *(("WAVEX", s) for s in ("PCM_16", "FLOAT")),
    *(("RF64", s) for s in ("PCM_16", "FLOAT")),
    *(("FLAC", s) for s in ("PCM_S8", "PCM_16", "PCM_24", "PCM_16")),
    *(("OGG", s) for s in ("VORBIS", "OPUS", "VORBIS", "OPUS")),
    *(("MP3", "MPEG_LAYER_III") for _ in range(8)),
    *(("AIFF", s) for s in ("PCM_S8", "PCM_16", "PCM_24", "FLOAT", "IMA_ADPCM", "DWVW_16")),
    *(("AU", s) for s in ("PCM_16", "FLOAT", "ULAW", "G723_24")),
    *(("CAF", s) for s in ("PCM_16", "ALAC_16")),
    *(("W64", s) for s in ("PCM_16",)),
)
CHILD = (sys.executable, "-m", "helpers.fuzz", "--child")
MAGICS = (b"RIFF\x10\0\0\0WAVE", b"FORM\0\0\0\x10AIFF", b"fLaC", b"OggS", b"ID3\x03", b"\xff\xfb")
MAGICS += (b".snd", b"RF64\xff\xff\xff\xffWAVE", b"RIFX\0\0\0\x10WAVE", b"\xff\xf3\x40\xc0")
EDGES = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000)
EDGES += (0xFFFFFFF0, 0xFFFFFFFF)


@functools.cache
def valid_file(kind, subtype, channels, rate, seed):
    """Make a short valid file of a tone and noise: bytes, or None if libsndfile cannot write it.

    kind and subtype as in `FORMATS`, rate in Hz. The same arguments give the same sound.

    Chapter: 2.1
    """
    import numpy as np
    import soundfile

    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 40_000 if kind in ("OGG", "MP3") else 6000))
    t = np.arange(n)[:, None] / rate
    sound = 0.4 * np.sin(2 * np.pi * 300 * t * np.arange(1, channels + 1))
    sound += 0.05 * generator.standard_normal(sound.shape)
    file = io.BytesIO()
    try:
        soundfile.write(file, sound, rate, subtype, format=kind)
    except (soundfile.SoundFileError, ValueError, AssertionError):
        return None
    return file.getvalue()


def _any_valid(rng):
    while True:
        kind, subtype = rng.choice(FORMATS)
        channels = rng.choice((1, 1, 1, 2, 2, 6))
        rate = rng.choice((4000, 8000, 16000, 22050, 44100, 48000, 96000, 192000))
        content = valid_file(kind, subtype, channels, rate, rng.randrange(40))
        if content:
            return kind, bytearray(content)


def _cut(rng, data):
    return data[: rng.randrange(len(data) + 1)]


def _cut_header(rng, data):
    return data[: rng.randrange(min(len(data), 256) + 1)]


def _flip_bits(rng, data):
    for _ in range(rng.choice((1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def _edit_header(rng, data):
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(min(len(data), 128))
        value = rng.choice((*EDGES, rng.getrandbits(32)))
        width, order = rng.choice(((1, "B"), (2, "<H"), (2, ">H"), (4, "<I"), (4, ">I"), (8, "<Q")))
        data[place : place + width] = struct.pack(order, value & ((1 << 8 * width) - 1))
    return data


def _edit_rate(rng, data):
    rate = rng.choice((0, 1, 999, 768001, 2**31, 2**32 - 1)).to_bytes(4, "little")
    if data[:4] in (b"RIFF", b"RF64"):
        place = data.find(b"fmt ") + 12
        data[place : place + 4] = rate
    elif data[:4] == b".snd":
        data[16:20] = rate[::-1]
    elif data[:4] == b"fLaC":
        data[18:20] = rate[:2]
    return data


def _remove(rng, data):
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 3, 16, 500))]
    return data


def _insert(rng, data):
    place = rng.randrange(len(data) + 1)
    data[place:place] = rng.randbytes(rng.choice((1, 3, 16, 500)))
    return data


def _overwrite(rng, data):
    start, count = rng.randrange(len(data)), rng.choice((4, 32, 400))
    filling = rng.choice((bytes(count), b"\xff" * count, rng.randbytes(count)))
    data[start : start + count] = filling
    return data


def _repeat(rng, data):
    return data + data


def _splice(rng, data):
    other = _any_valid(rng)[1]
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def _append(rng, data):
    return data + rng.choice((bytes(1000), rng.randbytes(300), b"TAG" + bytes(125)))


def _prepend_tag(rng, data):
    size = rng.choice((0, 10, 200, 2**28 - 1))
    tag = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + tag + bytes(min(size, 200)) + data


def _not_finite(rng, data):
    value = rng.choice((float("nan"), float("inf"), -float("inf"), 1e38, 3e9, 1e-42))
    place = min(len(data), 100 + 4 * rng.randrange(200))
    data[place : place + 4] = struct.pack("<f", value)
    return data


def _strip_length_tag(rng, data):
    place = max(data.find(b"Xing"), data.find(b"Info"))
    return data[data.find(data[:2], place) :] if place > 0 else data


MUTATIONS = (
    *(_cut, _cut, _cut_header, _flip_bits, _flip_bits, _edit_header, _edit_header, _edit_header),
    *(_edit_rate, _remove, _insert, _overwrite, _repeat, _splice, _append, _prepend_tag),
    *(_not_finite, _strip_length_tag),
)


def make_case(seed, number):
    """Make file `number` of the series `seed`: (label, bytes). The label says what was done.

    One file in ten is random bytes (half of those with a real magic number in front), one in
    twenty is left valid, the rest are valid files with one to three mutations.

    Chapter: 2.1
    """
    rng = random.Random(f"{seed}/{number}")
    draw = rng.random()
    if draw < 0.05:
        return "random", rng.randbytes(rng.choice((0, 1, 2, 11, 44, 300, 5000)))
    if draw < 0.10:
        return "random+magic", rng.choice(MAGICS) + rng.randbytes(rng.choice((0, 4, 40, 5000)))
    kind, data = _any_valid(rng)
    if draw < 0.15:
        return f"{kind} valid", bytes(data)
    names = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not data:
            break
        mutation = rng.choice(MUTATIONS)
        data = bytearray(mutation(rng, data))
        names.append(mutation.__name__.strip("_"))
    return f"{kind} {'+'.join(names)}", bytes(data)


# --- the child: decodes and tells what happened ------------------------------------------------


def _load_case(content, path, number):
    """Load by bytes, by path, resampled or by channels in turn: return what is wrong, or None."""
    import numpy as np

    from helpers.audio import load

    settings = (
        {},
        {"sample_rate": 8000},
        {"mono": False},
        {"allow_truncated": True},
        {"sample_rate": 16000, "allow_truncated": True, "mono": False},
        {"channel": 1},
    )[number % 6]
    source = content
    if number % 2:
        path.write_bytes(content)
        source = path
    samples, rate = load(source, max_seconds=60, **settings)
    if samples.dtype != np.float32 or samples.size == 0 or not np.isfinite(samples).all():
        return f"returned {samples.dtype} of shape {samples.shape}, or samples that are not finite"
    if samples.ndim != 1 + (settings.get("mono") is False) or not 1000 <= rate <= 768000:
        return f"returned shape {samples.shape} at {rate} Hz for {settings}"
    return None


def _child(seed, numbers, recognise):
    """Work through the numbers; print a JSON line before and after each."""
    from helpers.errors import AudioError

    recogniser = None
    if recognise:
        from helpers.recognise import recognise as recogniser

        with contextlib.suppress(AudioError):
            recogniser(valid_file("WAV", "PCM_16", 1, 8000, 3))
    warnings.simplefilter("error", RuntimeWarning)
    print(json.dumps({"ready": True}), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip ö.wav"
        for number in numbers:
            _, content = make_case(seed, number)
            print(json.dumps({"start": number}), flush=True)
            before = _stderr_size()
            try:
                if recogniser is not None:
                    recogniser(content)
                    outcome = "recognised"
                else:
                    wrong = _load_case(content, path, number)
                    outcome = f"WRONG {wrong}" if wrong else "loaded"
            except AudioError as error:
                outcome = type(error).__name__
                if not str(error).strip():
                    outcome = f"WRONG {outcome} without a message"
            except Exception as error:
                outcome = f"UNDOCUMENTED {type(error).__name__}: {error}"
            if _stderr_size() > before:
                outcome = f"NOISE on standard error after {outcome}"
            print(json.dumps({"done": number, "outcome": outcome}), flush=True)


def _stderr_size():
    return os.fstat(2).st_size


# --- the parent: watches the child ---------------------------------------------------------------


class _Child:
    """A child process whose lines arrive in a queue; None marks its end."""

    def __init__(self, seed, numbers, recognise, log):
        command = [*CHILD, "--seed", str(seed), *(["--recognise"] if recognise else [])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(numbers))
            self.process.stdin.close()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def next(self, seconds):
        """The next message as a dict, None at the end; raises queue.Empty after `seconds`."""
        line = self.lines.get(timeout=seconds)
        return None if line is None else json.loads(line)

    def stop(self):
        self.process.kill()
        return self.process.wait()


def run(count, seed=0, recognise=False, seconds=10.0, keep=None, progress=None):
    """Fuzz with files 0 … count-1 of a series.

    count, seed: which files. seconds: how long one file may take. keep: folder for the files that
    fail (made when needed; None keeps none). progress: called with the number of files done.

    Returns (outcomes, failures): a Counter of outcome names, and a list of (number, label,
    outcome) of what must not happen. Raises RuntimeError if the child cannot start.

    Chapter: 2.1
    """
    outcomes, failures = Counter(), []
    left = list(range(count))
    with tempfile.TemporaryFile() as log:
        while left:
            child = _Child(seed, left, recognise, log)
            current, ready = None, False
            try:
                while True:
                    message = child.next(seconds if ready else 300)
                    if message is None:
                        break
                    if "ready" in message:
                        ready = True
                    elif "start" in message:
                        current = message["start"]
                    else:
                        _note(seed, current, message["outcome"], outcomes, failures, keep)
                        left.remove(current)
                        current = None
                        if progress:
                            progress(count - len(left))
            except queue.Empty:
                _note(seed, current, f"HANG of over {seconds:g} s", outcomes, failures, keep)
                if current is not None:
                    left.remove(current)
                    current = None
            status = child.stop()
            if current is not None:
                _note(seed, current, f"CRASH with status {status}", outcomes, failures, keep)
                left.remove(current)
            elif not ready or (left and status not in (0, -9)):
                log.seek(0)
                text = log.read().decode(errors="replace")[-2000:]
                raise RuntimeError(f"The fuzzing child did not run (status {status}):\n{text}")
    return outcomes, failures


def _note(seed, number, outcome, outcomes, failures, keep):
    words = outcome.split()
    outcomes[words[0]] += 1
    if words[0] not in ("HANG", "CRASH", "WRONG", "UNDOCUMENTED", "NOISE"):
        return
    label, content = make_case(seed, number) if number is not None else ("?", b"")
    failures.append((number, label, outcome))
    if keep is not None:
        folder = Path(keep)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"seed{seed}-{number}.bin").write_bytes(content)


def main(arguments=None):
    """The command `python -m helpers.fuzz`; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.fuzz", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--count", type=int, default=5000, help="how many files (5000)")
    parser.add_argument("--seed", type=int, default=0, help="which series of files (0)")
    parser.add_argument("--recognise", action="store_true", help="recognise, not only load")
    parser.add_argument("--seconds", type=float, default=10.0, help="allowed for one file (10)")
    parser.add_argument("--keep", default="fuzz-failures", help="folder for files that fail")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        _child(options.seed, json.loads(sys.stdin.read()), options.recognise)
        return 0

    def progress(done):
        if sys.stdout.isatty() and done % 50 == 0:
            print(f"\r{done} of {options.count}", end="", flush=True)

    started = time.perf_counter()
    outcomes, failures = run(
        options.count, options.seed, options.recognise, options.seconds, options.keep, progress
    )
    elapsed = time.perf_counter() - started
    verb = "recognised" if options.recognise else "loaded"
    print(f"\n{options.count} files of series {options.seed} {verb} in {elapsed:.0f} s")
    for outcome, number in outcomes.most_common():
        print(f"  {outcome:<20}{number:>7}")
    for number, label, outcome in failures:
        print(f"FAILED file {number} ({label}): {outcome}")
    if failures:
        print(f"{len(failures)} files failed; they are kept in {options.keep}/")
        return 1
    print("Nothing but sound and documented errors came out.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
