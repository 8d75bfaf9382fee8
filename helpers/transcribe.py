"""A string of spoken digits to its words, by either reader of a transcriber, with their places."""

import itertools
from dataclasses import dataclass

import numpy as np

from helpers import audio
from helpers.features import mel_power
from helpers.metrics import token_errors
from helpers.models import tf, transcriber
from helpers.models.digits import FRONT_END
from helpers.models.frontend import RelativeLevel, decibels
from helpers.scratch.layers import log_softmax
from helpers.scratch.sequences import ctc_greedy, ctc_prefix_beam


@dataclass
class Heard:
    """What the encoder and the speller made of a sound.

    memory (1, steps, width) float32; logits (steps, 11) float32, the speller's.

    Chapter: 5.3
    """

    memory: np.ndarray
    logits: np.ndarray


def picture_of(samples, front_end=FRONT_END):
    """What a transcriber looks at: float32 (1, frames, n_mels), relative to the loudest point.

    Raises AudioError for samples that are not sound, AudioTooShort for less than one frame.

    Chapter: 5.3
    """
    x = audio.check_samples(samples)
    power = mel_power(x, front_end)[None].astype(np.float32)
    return RelativeLevel()(decibels(tf.constant(np.maximum(power, front_end.floor)))).numpy()


def hear(network, samples):
    """Run encoder and speller on a sound of any length: `Heard`. Raises as `picture_of`.

    Chapter: 5.3
    """
    memory = _run(network, "encoder")(tf.constant(picture_of(samples)))
    logits = _run(network, "speller")(memory)
    return Heard(memory.numpy(), logits.numpy()[0])


def spell(heard):
    """What the speller's best path says: a tuple of digits. Chapter: 5.3"""
    return ctc_greedy(heard.logits[None], blank=transcriber.BLANK)[0][0]


def spell_beam(heard, width=8, top=1):
    """The speller's most probable strings: a list of (digits, log-probability). Chapter: 5.3"""
    return ctc_prefix_beam(heard.logits[None], width, top, blank=transcriber.BLANK)[0]


def write(network, heard, longest=20):
    """What the writer says, one most probable word after the other: (digits, looks).

    looks (words + 1, ⌈steps/4⌉): where it looked before each word and before the end, the mean over
    heads; a place is four steps, 160 ms. It stops at the end or after `longest` words.

    Chapter: 5.3
    """
    run, memory = _run(network, "writer"), tf.constant(heard.memory)
    said, looks = [], []
    while len(said) < longest:
        logits, weights = run(
            [memory, _lengths(memory), tf.constant([[transcriber.START, *said]], tf.int32)]
        )
        looks.append(weights.numpy()[0, :, -1].mean(axis=0))
        word = int(logits.numpy()[0, -1].argmax())
        if word == transcriber.END:
            break
        said.append(word)
    return tuple(said), np.array(looks)


def written_log_probability(network, heard, strings):
    """The writer's log-probability of each of `strings` (tuples of digits), (n,) in nats.

    Chapter: 5.3
    """
    longest = max(len(s) for s in strings)
    end = transcriber.END
    padded = np.array([[*s, *[end] * (longest + 1 - len(s))] for s in strings], np.int32)
    start = np.full((len(strings), 1), transcriber.START, np.int32)
    memory = tf.repeat(tf.constant(heard.memory), len(strings), axis=0)
    so_far = tf.constant(np.concatenate([start, padded[:, :-1]], axis=1))
    logits, _ = _run(network, "writer")([memory, _lengths(memory), so_far])
    log_p = np.take_along_axis(log_softmax(logits.numpy()), padded[:, :, None], axis=2)[:, :, 0]
    counts = np.arange(longest + 1) <= np.array([[len(s)] for s in strings])
    return np.sum(np.where(counts, log_p, 0.0), axis=1)


def agree(network, heard, width=8, spelling_share=0.5):
    """The string on which both readers agree best, of the speller's `width` best: digits.

    Each is scored by `spelling_share` times the speller's log-probability and the rest times the
    writer's. Chapter: 5.3
    Source: [watanabe2017hybrid]
    """
    candidates = spell_beam(heard, width, width)
    strings, spelled = zip(*candidates, strict=True)
    written = written_log_probability(network, heard, strings)
    scores = spelling_share * np.array(spelled) + (1 - spelling_share) * written
    return strings[int(np.argmax(scores))]


def align(heard, said):
    """When each of the words `said` is spelled on the most probable path that spells them.

    Returns (words, 2) int: the first step of each word and the step after its last. A step begins
    every four frames. This is forced alignment: the words are given, their places are found.

    Raises ValueError if there are no words, or more of them than the steps can spell (equal
    neighbours need a blank between them).

    Chapter: 5.3
    Source: [graves2006connectionist]
    """
    said, blank = [int(word) for word in said], transcriber.BLANK
    steps = len(heard.logits)
    needed = len(said) + sum(a == b for a, b in itertools.pairwise(said))
    if not said or steps < needed:
        raise ValueError(
            f"{len(said)} words need {max(needed, 1)} steps or more; there are {steps}"
        )
    states = np.array([blank, *(x for word in said for x in (word, blank))])
    local = log_softmax(heard.logits)[:, states]
    may_skip = np.append([False, False], (states[2:] != blank) & (states[2:] != states[:-2]))
    score = np.full(len(states), -np.inf)
    score[:2] = local[0, :2]
    came = np.zeros((steps, len(states)), int)
    for t in range(1, steps):
        one, two = (np.concatenate([np.full(k, -np.inf), score[:-k]]) for k in (1, 2))
        arrivals = np.stack([score, one, np.where(may_skip, two, -np.inf)])
        came[t] = arrivals.argmax(axis=0)
        score = arrivals.max(axis=0) + local[t]
    place = len(states) - (1 if score[-1] >= score[-2] else 2)
    path = np.zeros(steps, int)
    for t in range(steps - 1, -1, -1):
        path[t] = place
        place -= came[t, place]
    return np.array(
        [
            [at[0], at[-1] + 1]
            for at in (np.flatnonzero(path == 2 * i + 1) for i in range(len(said)))
        ]
    )


def growing(network, samples, every, read=spell):
    """What `read` makes of ever longer beginnings of a sound: (times, transcripts).

    every: samples between two of them; times (n,) int, how many samples each beginning has, the
    last one all. A beginning is heard as if it were the whole: its level and mean are its own.
    transcripts: n tuples of digits. `read` takes a `Heard`. Raises as `hear`, and ValueError for
    `every` below 1.

    Chapter: 5.3
    """
    if every < 1:
        raise ValueError(f"every is {every}; it must be at least 1 sample")
    shortest = max(every, FRONT_END.n_fft)
    times = np.append(np.arange(shortest, len(samples), every), len(samples))
    return times, [read(hear(network, samples[:n])) for n in times]


def settled(times, transcripts):
    """From when on each word of the last transcript stands and never changes: (words,), as times.

    A word stands when it and all before it are as they will be in the end.

    Chapter: 5.3
    Source: [shangguan2020analyzing] on the stability of partial results
    """
    final = tuple(transcripts[-1])
    since = []
    for n in range(1, len(final) + 1):
        stands = [tuple(t[:n]) == final[:n] for t in transcripts]
        since.append(times[len(stands) - stands[::-1].index(False) if False in stands else 0])
    return np.array(since)


def taken_back(transcripts):
    """How many words were shown and later taken back, over transcripts that grow; an int.

    From one transcript to the next, what does not belong to their common beginning is taken back.

    Chapter: 5.3
    """
    lost = 0
    for before, after in itertools.pairwise(transcripts):
        pairs = zip(before, after, strict=False)
        lost += len(before) - len(list(itertools.takewhile(lambda p: p[0] == p[1], pairs)))
    return lost


def side_by_side(said, *heard):
    """What was said and what several readers heard, word under word: a list of equal rows.

    The first row is `said`, then one row for each reader, aligned with it by `token_errors`; None
    stands where a row has no word. Words that readers made up at the same place share a column.

    Chapter: 5.3
    """
    said = [int(word) for word in said]
    columns = []
    for reader in heard:
        slots, extra = [None] * len(said), [[] for _ in range(len(said) + 1)]
        at = 0
        for word, other in token_errors(reader, said).steps:
            if word is None:
                extra[at].append(int(other))
            else:
                slots[at] = None if other is None else int(other)
                at += 1
        columns.append((slots, extra))
    rows = [[] for _ in range(len(heard) + 1)]
    for at in range(len(said) + 1):
        widest = max((len(extra[at]) for _, extra in columns), default=0)
        rows[0] += [None] * widest
        for row, (_, extra) in zip(rows[1:], columns, strict=True):
            row += extra[at] + [None] * (widest - len(extra[at]))
        if at < len(said):
            rows[0].append(said[at])
            for row, (slots, _) in zip(rows[1:], columns, strict=True):
                row.append(slots[at])
    return rows


def _lengths(memory):
    frames = transcriber.FRAMES_PER_STEP * memory.shape[1]
    return tf.fill([memory.shape[0]], frames)


def _run(network, part):
    """One part of the network as a graph that takes sounds of any length; made once and kept."""
    layer = network.get_layer(part)
    if not hasattr(layer, "_as_graph"):
        shapes = [tf.TensorSpec([None, *t.shape[1:]], t.dtype) for t in layer.inputs]
        layer._as_graph = tf.function(
            lambda *inputs: layer(list(inputs) if len(inputs) > 1 else inputs[0], training=False),
            input_signature=shapes,
        )
    return lambda given: layer._as_graph(*(given if isinstance(given, list) else [given]))
