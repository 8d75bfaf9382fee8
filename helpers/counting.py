"""Language models that count: how often each move followed each context.

A chain backs off from a precise context to a rougher one; a blend mixes several chains; a memory
counts within the piece that is being written. Chapter: 6.2
"""

import numpy as np

from helpers import parts
from helpers.errors import ShapeError

DISCOUNT, STRENGTH = 0.7, 1.0
"""How much of each count a chain gives back, and how much it always leaves to the rougher context.

Both were chosen on validation pieces. Chapter: 6.2
"""

CHAINS = {
    "harmony": ["soprano bass", "alto tenor", "note1"],
    "exact": ["soprano= bass=", "note1", "alto= tenor="],
    "bass": ["bass- soprano-", "soprano bass", "note1", "alto tenor"],
    "key": ["key", "bass", "soprano", "note1", "alto tenor"],
    "melody": ["note1", "key", "note2"],
    "line": ["note1", "soprano bass", "note2", "alto tenor"],
    "progression": ["soprano- bass-", "soprano bass", "alto- tenor-", "alto tenor"],
    "register": ["register", "soprano bass", "alto tenor"],
}
"""For each chain what its contexts are told more and more of, after FIRST. Chapter: 6.2"""

FIRST = ["voice quarter held", "states"]
"""What every chain is told first. Chapter: 6.2"""

SAME_AGAIN = ["voice quarter held register soprano= alto= tenor= bass=", "note1 soprano~ bass~"]
"""The contexts of the memory for what this piece has done before. Chapter: 6.2"""

# How well each pitch class fits a major and a minor key, from the tonic upwards, as listeners rate.
_RATINGS = np.array(
    [
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)


def nearest_key(shares):
    """The key that fits shares of pitch classes best: (n, 12) → int (n,), 0–23, or 24 for none.

    Keys 0–11 are major with the tonic at that class, 12–23 minor. The fit is the correlation with
    what listeners answered when they were asked how well each pitch fits a key.

    Chapter: 6.2
    Source: [krumhansl1982tracing]
    """
    shares = np.asarray(shares, float)
    if shares.ndim != 2 or shares.shape[1] != 12:
        raise ShapeError(f"shares have shape {shares.shape}; give (n, 12)")
    ratings = _RATINGS - _RATINGS.mean(axis=1, keepdims=True)
    ratings /= np.linalg.norm(ratings, axis=1, keepdims=True)
    keys = np.concatenate([[np.roll(mode, tonic) for tonic in range(12)] for mode in ratings])
    fit = (shares - shares.mean(axis=1, keepdims=True)) @ keys.T
    return np.where(np.ptp(shares, axis=1) > 0, fit.argmax(axis=1), 24)


def columns(context, voice):
    """Contexts of one voice as named columns for counting: {name: int (n,)}.

    Beside "voice", "beat", "quarter" (the sixteenth within it), "held" (in bins), "states" (which
    of the other voices have been written and have moved), "note1", "note2", "register" and "key",
    for each voice: its pitch class ("alto", above the pitch that this voice moves from), its pitch
    ("alto="), its pitch class before this step ("alto-"), how long it has lasted ("alto~").

    Chapter: 6.2
    """
    n = len(context["beat"])
    found = {
        "voice": np.full(n, voice),
        "beat": context["beat"],
        "quarter": context["beat"] % 4,
        "held": np.digitize(context["held"], [1, 2, 3, 4, 5, 8, 12]),
        "states": context["state"] @ [9, 3, 1],
        "note1": context["note1"],
        "note2": context["note2"],
        "register": context["register"],
        "key": nearest_key(context["classes"][:, 1]),
    }
    others = iter(range(3))
    for u, name in enumerate(("soprano", "alto", "tenor", "bass")):
        i = None if u == voice else next(others)
        pitch = np.zeros(n, int) if i is None else context["at"][:, i]
        move = 0 if i is None else np.where(context["move"][:, i] == 99, 0, context["move"][:, i])
        lasted = context["held"] if i is None else context["lasted"][:, i]
        found |= {
            name: pitch % 12,
            f"{name}=": pitch,
            f"{name}-": (pitch - move) % 12,
            f"{name}~": np.minimum(lasted, 8),
        }
    return found


def keys(named, levels):
    """One number for each context: [uint64 (n,) of the first level, of the second, …].

    named: columns by name. levels: names, set apart by blanks, that each level *adds* to those
    before it. Contexts that agree in all columns so far have the same number; that two others do
    is as good as impossible. Raises KeyError for a column that is not there.

    Chapter: 6.2
    """
    number = np.zeros(len(next(iter(named.values()))), np.uint64)
    found = []
    for names in levels:
        for name in names.split():
            number = _mixed(number, named[name])
        found.append(number)
    return found


def _mixed(number, column):
    number = number * np.uint64(0x9E3779B97F4A7C15)
    number ^= np.asarray(column).astype(np.int64).view(np.uint64) + np.uint64(0x7F4A7C15)
    number ^= number >> np.uint64(29)
    number *= np.uint64(0xBF58476D1CE4E5B9)
    return number ^ (number >> np.uint64(32))


class Chain:
    """Counts in contexts from rough to precise: what is not known is asked of the level before.

    With n(m) the number of times that move m followed a context, N their sum and K the number of
    different moves, a level's probability of m is

        (max(n(m) − d, 0) + (a + d K) · probability of the level before) / (N + a),

    d the discount and a the strength; before the first level all classes are equally likely. It is
    the predictive rule of a Pitman–Yor process, near to Kneser–Ney smoothing.

    levels: a list of uint64 (n,), as `keys` gives; moves: int (n,), from 0 to classes − 1.

    Raises ShapeError if they do not have the same length, ValueError for d outside [0, 1) or a ≤ 0.

    Chapter: 6.2
    Source: [teh2006hierarchical]; [chen1999empirical] for smoothing in general
    """

    def __init__(self, levels, moves, classes=parts.MOVES, discount=DISCOUNT, strength=STRENGTH):
        from scipy.sparse import csr_matrix

        if not 0 <= discount < 1 or strength <= 0:
            raise ValueError(f"discount {discount}, strength {strength}: give [0, 1) and above 0")
        moves = np.asarray(moves)
        if any(len(level) != len(moves) for level in levels):
            raise ShapeError("every level must give one context for each move")
        self.classes, self.discount, self.strength = classes, discount, strength
        self.levels = []
        for level in levels:
            known, row = np.unique(level, return_inverse=True)
            ones = np.ones(len(moves), np.float32)
            counts = csr_matrix((ones, (row, moves)), shape=(len(known) + 1, classes))
            self.levels.append((known, counts))

    @property
    def size(self):
        """Number of counts that are not zero, over all levels."""
        return sum(counts.nnz for _, counts in self.levels)

    def probabilities(self, levels):
        """Probabilities of all classes in contexts: [uint64 (n,), …] → float64 (n, classes)."""
        p = np.full((len(levels[0]), self.classes), 1 / self.classes)
        for (known, counts), level in zip(self.levels, levels, strict=True):
            at = np.minimum(np.searchsorted(known, level), len(known) - 1)
            row = np.where(known[at] == level, at, len(known))
            p = backed_off(counts[row].toarray(), p, self.discount, self.strength)
        return p


def backed_off(n, p, discount=DISCOUNT, strength=STRENGTH):
    """The rule of `Chain` for one level: counts n (…, classes), p of the level before likewise.

    Chapter: 6.2
    Source: [teh2006hierarchical]
    """
    kinds = (n > 0).sum(axis=-1, keepdims=True)
    kept = np.maximum(n - discount, 0)
    return (kept + (strength + discount * kinds) * p) / (n.sum(axis=-1, keepdims=True) + strength)


def blend_weights(likelihoods, rounds=60):
    """Weights of a mixture that make held-out data most likely: (models, n) → (models,), sum 1.

    likelihoods: the probability that each model gave to what came, on data that none has counted.
    Expectation–maximisation: a model's new weight is its mean share in explaining each datum.

    Raises ShapeError for another shape, ValueError for numbers that are no probabilities.

    Chapter: 6.2
    Source: [chen1999empirical], among others
    """
    q = np.asarray(likelihoods, float)
    if q.ndim != 2 or q.size == 0:
        raise ShapeError(f"likelihoods have shape {q.shape}; give (models, n)")
    if not np.all((q >= 0) & (q <= 1 + 1e-6)) or np.any(q.max(axis=0) == 0):
        raise ValueError("give probabilities, none of them 0 for all models")
    weights = np.full(len(q), 1 / len(q))
    for _ in range(rounds):
        shares = weights[:, None] * q
        weights = (shares / shares.sum(axis=0)).mean(axis=1)
    return weights


class LineCounter:
    """A model of chorales that counts tokens in the line that `parts.tokens` gives.

    levels: as for `keys`, of the columns "voice" (0–3, in the order WRITTEN), "quarter" (the
    sixteenth within it) and "-1", "-2" … "-12", the tokens so many places before: "-4" is what the
    same voice had a step ago. An n-gram model counts after "-1", "-2" … "-(n − 1)".

    Raises KeyError for other columns, and as `parts.tokens`.

    Chapter: 6.2
    Source: [shannon1951prediction]
    """

    def __init__(self, train, levels):
        self.spec = list(levels)
        named, came = self._named(train)
        self.chain = Chain(keys(named, self.spec), came, classes=parts.TOKENS)

    @staticmethod
    def _named(pieces):
        lines = [parts.tokens(piece) for piece in pieces]
        places = np.concatenate([np.arange(len(line)) for line in lines])
        named = {"voice": places % 4, "quarter": places // 4 % 4}
        for back in range(1, 13):
            shifted = [np.r_[np.full(min(back, len(x)), parts.TOKENS), x[:-back]] for x in lines]
            named[f"-{back}"] = np.concatenate(shifted)
        return named, np.concatenate(lines)

    def log_probabilities(self, pieces):
        """ln p of each cell: list of int (T, 4) → list of float (T, 4), columns as voices."""
        found = []
        for piece in pieces:
            named, came = self._named([piece])
            p = self.chain.probabilities(keys(named, self.spec))
            log_p = np.empty(piece.shape)
            log_p[:, parts.WRITTEN] = np.log(p[np.arange(len(came)), came]).reshape(-1, 4)
            found.append(log_p)
        return found


class Counter:
    """A model of chorales that counts: chains, blended, with a memory of the piece itself.

    chains: {name: levels}, each after FIRST, as CHAINS. train, valid: lists of int (T, 4); the
    weights of the chains are found on `valid`. memory: whether to count in the piece at hand as
    well.

    Raises as `parts.cells` and ValueError for an empty `chains`.

    Chapter: 6.2
    """

    def __init__(self, train, valid, chains=None, memory=True, first=FIRST):
        self.specs = {n: [*first, *own] for n, own in (chains or CHAINS).items()}
        self.memory = memory
        named, held = self._named(train)
        self.chains = {n: Chain(keys(named, own), held) for n, own in self.specs.items()}
        self.weights = np.ones(1)
        if len(self.specs) > 1:
            named, held = self._named(valid)
            q = [self._one(name, named)[np.arange(len(held)), held] for name in self.specs]
            self.weights = blend_weights(q)

    def part(self, names=None, memory=False):
        """The same counts, used in part: a Counter of the chains called `names`, or of all.

        Their weights keep their proportions. Raises KeyError for a chain that is not there.
        """
        names = list(self.specs) if names is None else list(names)
        weights = dict(zip(self.specs, self.weights, strict=True))
        other = object.__new__(Counter)
        other.memory = memory
        other.specs = {name: self.specs[name] for name in names}
        other.chains = {name: self.chains[name] for name in names}
        chosen = np.array([weights[name] for name in names])
        other.weights = chosen / chosen.sum()
        return other

    @staticmethod
    def _named(pieces):
        """Columns of all cells of pieces, in the order in which they are written, and moves."""
        context, held = parts.cells(pieces)
        each = [columns(c, v) for c, v in zip(context, parts.WRITTEN, strict=True)]
        named = {name: np.stack([e[name] for e in each], axis=1).reshape(-1) for name in each[0]}
        return named, held.reshape(-1)

    def _one(self, name, named):
        return self.chains[name].probabilities(keys(named, self.specs[name]))

    def _blended(self, named):
        return sum(w * self._one(n, named) for n, w in zip(self.specs, self.weights, strict=True))

    def log_probabilities(self, pieces):
        """ln p of each cell: list of int (T, 4) → list of float (T, 4), columns as voices."""
        found = []
        for piece in pieces:
            named, held = self._named([piece])
            p = self._blended(named)
            if self.memory:
                seen = keys(named, SAME_AGAIN)
                recall = Recall()
                for i, move in enumerate(held):
                    here = [int(level[i]) for level in seen]
                    p[i] = recall.sharpened(p[i], here)
                    recall.add(here, move)
            log_p = np.empty(piece.shape)
            log_p[:, parts.WRITTEN] = np.log(p[np.arange(len(held)), held]).reshape(-1, 4)
            found.append(log_p)
        return found

    def writer(self, n):
        """What writes n pieces at once with this model: see `helpers.compose.compose`."""
        return _CountingWriter(self, n)


class Recall:
    """Counts within one piece, in two contexts of growing precision; empty at first.

    Chapter: 6.2
    Source: [kuhn1990cache]
    """

    DISCOUNT, STRENGTH = 0.5, 0.5

    def __init__(self):
        self.counts = {}

    def sharpened(self, p, contexts):
        """p (classes,) after what came earlier in these contexts, roughest first."""
        for context in contexts:
            n = self.counts.get(context)
            if n is not None:
                p = backed_off(n, p, self.DISCOUNT, self.STRENGTH)
        return p

    def add(self, contexts, move):
        for context in contexts:
            self.counts.setdefault(context, np.zeros(parts.MOVES))[move] += 1


class _CountingWriter:
    def __init__(self, model, n):
        self.model, self.recalls = model, [Recall() for _ in range(n)]

    def probabilities(self, context, voice):
        named = columns(context, voice)
        p = self.model._blended(named)
        self.here = np.stack(keys(named, SAME_AGAIN), axis=1).tolist()
        if self.model.memory:
            p = np.stack(
                [r.sharpened(*a) for r, *a in zip(self.recalls, p, self.here, strict=True)]
            )
        return p

    def wrote(self, moves, voice):
        for recall, here, move in zip(self.recalls, self.here, moves, strict=True):
            recall.add(here, move)
