import pathlib

import nbformat

C = []


def md(s):
    C.append(("markdown", s.strip("\n"), []))


def code(s, *tags):
    C.append(("code", s.strip("\n"), list(tags)))


md(r'''
# 8.6 Beyond one machine

You will share work among processes that talk to each other as machines do, and find out whether the results stay the same to the last bit, what a second worker is worth, and what is lost when one is killed.
''')
code('''
from helpers.datasets import load_digits
from helpers.show import chapter_facts

clips = load_digits()
chapter_facts("8.6", reading_minutes=30, data=clips)
''')
md(r'''
**You will be able to**

- cut work into tasks whose results do not depend on who does them, and prove it;
- measure speed-up and efficiency against one process, and say what part of the work can't be shared;
- train with gradients that several workers compute, and know which networks that changes;
- write down what a step costs on many machines, and hold the model of a star against measurements;
- kill a worker, or the whole training, and end with the same bits.

**Read first:** [3.1](../3-mathematics/1-convolution.ipynb) for the layers and their gradients, which the workers use. Claims and verdicts are explained in [2.5](../2-concepts/5-experiments-that-can-fail.ipynb).
''')
code('''
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from IPython.display import Markdown, display

from helpers import audio, augment, distributed, plots
from helpers.distributed import Network, Training
from helpers.exercises import check, hint, solution
from helpers.experiments import cluster as lab
from helpers.experiments._record import load_results
from helpers.listen import players
from helpers.show import show_source, summary
from helpers.streaming import rounding_bound
from helpers.verdict import verdict
''')
md(r'''
## An engine, and two workers

Everything in this book fits one machine. Larger collections don't, and then somebody has to cut the work, send the parts round, notice that a machine has died, and collect the results: an *engine*.

TensorFlow has one for training on several machines, `MultiWorkerMirroredStrategy`; whether it works with Keras 3, which this book uses, was asked with a failing example, and the question was open when this was written {cite:p}`keras20585`. (`MirroredStrategy`, for several GPUs in one machine, is another thing; Keras 3 has an interface of its own, [`keras.distribution`](https://keras.io/guides/distribution/).) For training on accelerators nobody would take the star that we build, but a library such as NCCL, which adds gradients in a ring. We build the star because every part of it can be looked at.

Two general engines for Python are Dask {cite:p}`rocklin2015dask` and Ray {cite:p}`moritz2018ray`, both free (BSD and Apache). We take Dask because it is small and pure Python, the same files for Linux, macOS and Windows. For very many short tasks a second, which Ray was made for, the choice may well be the other one.

A **client**, also called the *driver* (this notebook), hands over *tasks*: a function and its arguments. It gets *futures*, receipts for results that stay where they were computed until they are fetched. A **scheduler** knows which worker is free. **Workers** are processes that compute; each has a *nanny*, a process that starts it anew if it dies. They talk over local connections here, over the network on a cluster. Here the scheduler lives in the notebook's own process: if the notebook dies, all of it is gone.
''')
code('''
show_source(distributed.workers)
''')
md(r'''
On a cluster the tasks stay as they are: `dask scheduler` is started on one machine, `dask worker tcp://host:8786` on the others, and the notebook opens `Client("tcp://host:8786")`. All need the same versions of everything. And since a task is any Python function, whoever reaches an open port can run anything there: not without TLS.

The workers compute with NumPy and the layers of chapter 3.1. With Keras each of them would have to load TensorFlow before its first task. And each has *one* thread: two workers with two threads each on two cores would get into each other's way.

Nothing but numbers of clips is sent to the workers. The sounds lie where all can read them: here in a folder, on a cluster in a file system that all machines mount.
''')
code('''
SEED, COUNT, PIECE = 0, lab.COUNT, lab.PIECE
record = load_results("cluster")
chosen = np.linspace(0, len(clips) - 1, min(600, len(clips))).astype(int)
some = clips.subset(chosen)

everything = ExitStack()
folder = everything.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
everything.enter_context(distributed.one_thread())
distributed.share_sounds(folder, some.audio)
client = everything.enter_context(distributed.workers(COUNT))
pictures = lab.warm(client, folder, len(some))
print(f"{len(some)} clips; each worker has {lab.worker_megabytes(client)} MB of memory in use")
''')
md(r'''
## Does a worker change a single bit?

The task comes from the training of chapter 5.2: make pictures of clips *in noise*, so that a network learns to hear through it. Listen to a clip before and after.
''')
code('''
x = audio.fix_length(some.audio[0], distributed.SAMPLES)
noisy = augment.add_noise(x, distributed.SNR, np.random.default_rng([SEED, 0]))
labels = ["as recorded", "as the task makes it, noise 10 dB below"]
players([x, noisy], 8000, labels, credit=clips.credit, encoding="compact")
''')
code('''
show_source(distributed.noisy_pictures, distributed.extract)
''')
md(r'''
A *piece* of clips is one task. `map` hands over all of them and gives their futures, `as_completed` gives each when it is done, and `gather` fetches the results. With `pure=False` two equal calls are two tasks, not one whose result is used twice. Tasks are finished in any order, so a result must be put where it belongs, not where it arrives.

We cut the clips into pieces of several sizes, let one worker do them, or both, and compare every picture with what one process gives, bit by bit.

Written down beforehand: for each way of cutting and each number of workers, the number of clips that differ in any bit; the claim is none, that is less than 1.
''')
code('''
both = distributed.addresses(client)
extract = partial(distributed.extract, client, folder=folder)
differ = {}
for size in (7, 50, 300):
    for on in (both[:1], both):
        parts = extract(distributed.pieces_of(len(some), size), on=on)
        differ[f"pieces of {size}, {len(on)} worker(s)"] = lab.other_clips(parts, pictures)
same_verdict = verdict(
    "8.6-same",
    claim="Which process of a machine makes a picture, and in which piece, changes no bit of it.",
    values=differ,
    threshold=1.0,
    direction="less",
    unit="way of sharing",
    metric="clips that differ from one process, clips",
    comparison=f"{len(some)} clips in noise, workers against one process",
    source=clips.source,
)
''')
md(r'''
Both workers run on the same processor with the same NumPy. Another processor, or another version, may add in another order; then only a tolerance can be asked for.

Whether the bits agree hangs on one line: the noise of a clip comes from a generator seeded *with the number of the clip*. The usual way, one generator that is made when a task, a worker or a program begins, gives a clip other noise as soon as the work is cut differently. Nothing fails then; the experiment just can't be repeated on another number of machines. We try one generator for each piece, seeded with its first clip. (Pieces that begin with the same clip agree until the shorter ends: arithmetic, so this needs no verdict.)
''')
code('''
def with_piece_seeds(size):
    pieces = distributed.pieces_of(len(some), size)
    return np.concatenate(extract(pieces, seeding="piece"))


base = with_piece_seeds(50)
for size in (7, 20, 30, 70):
    moved = lab.other_clips([with_piece_seeds(size)], base)
    print(f"pieces of {size:2d} instead of 50: {moved} of {len(some)} clips get another picture")
''')
md(r'''
## What is a second worker worth?

With $N$ workers, the **speed-up** is $S_N = T_1 / T_N$ and the **efficiency** $E_N = S_N / N$. What stands in for $T_1$ decides everything. Against *one worker* of the same engine, an engine looks good however slow it is. We take the time of one process without any engine, held to one thread as the workers are.

Suppose a part $s$ of the work can't be shared. Then {cite:p}`amdahl1967validity`

$$
\frac{T_N}{T_1} = s + \frac{1 - s}{N}, \qquad
s = \frac{T_N / T_1 - 1/N}{1 - 1/N} ,
$$

and no number of workers gives more than $1/s$. Read from right to left, a measured time says how large $s$ must have been {cite:p}`karp1990measuring`; it then holds everything that went wrong, also sending and waiting. {cite:t}`gustafson1988reevaluating` objected that nobody buys a thousand machines for the same small problem: if the shared part of the work grows with $N$, the speed-up is $N - (N - 1)\,s'$, with $s'$ the part of the *parallel* run that is not shared.
''')
code('''
here = lab.measure_features(client, folder, len(some), sizes=())
print("on this page, perhaps beside other chapters that compute at the same time:")
for way, times in ((lab.ONE, here[lab.ONE]), (lab.WORKERS, here[lab.WORKERS][str(PIECE)])):
    print(f"{way:12s} {len(some) / np.median(times):6.0f} clips per second")
''')
md(r'''
Such times are worth little when other programs run. So the verdicts of this section come from a results file: `python -m helpers.experiments.cluster` measured the same on a machine with two cores and nothing else to do, in runs that each start new workers. The unit is such a run; in each round all ways take their turn in an order that is drawn anew.

Written down beforehand: two workers against one process, pieces of 50 clips; the claim is more than half a doubling, since for less nobody would install an engine. And the same work in pieces of one clip, against pieces of 50; the claim is that it takes more than half a doubling longer. A first version measured one thing twice in a fixed order, with two results. So the order was changed after results had been seen; the limits were not.
''')
code('''
RUN = {"unit": "run", "metric": "time, doublings", "source": "fsdd"}
speed_verdict = verdict(
    "8.6-speed",
    claim="On two cores, two workers are clearly faster than one process.",
    differences=lab.doublings(record, ("features", lab.ONE), lab.pieces(PIECE)),
    comparison="one process − two workers, pictures of 1000 clips",
    smallest_effect=0.5,
    afterwards="the order of the measurements",
    **RUN,
)
pieces_verdict = verdict(
    "8.6-pieces",
    claim="Cut into single clips, the same work takes much longer than cut into pieces of 50.",
    differences=lab.doublings(record, lab.pieces(1), lab.pieces(PIECE)),
    comparison="pieces of 1 clip − pieces of 50, two workers",
    smallest_effect=0.5,
    afterwards="the order of the measurements",
    **RUN,
)
''')
code('''
one = np.array(list(lab.seconds(record, "features", lab.ONE).values()))
table = ["| | speed-up | efficiency | part that is not shared | limit by Amdahl |"]
table.append("|---|---:|---:|---:|---:|")
for way, n, path in ((lab.WORKER, 1, ("features", lab.WORKER)), (lab.WORKERS, 2, lab.pieces(PIECE))):
    s = np.median(one / list(lab.seconds(record, *path).values()))
    cells = [f"{s:.2f}", f"{100 * s / n:.0f} %"]
    part = distributed.serial_fraction(s, n) if n > 1 else None
    cells.append("–" if part is None else f"{100 * part:.0f} %")
    cells.append("–" if part is None else f"{1 / part:.0f} times" if part > 0 else "none")
    table.append(f"| {way} | " + " | ".join(cells) + " |")
display(Markdown("\\n".join(table)))
display(Markdown(f"Against one process. {lab.provenance_text(record)}"))
''')
md(r'''
The first row is the price of the engine: the same work, cut into tasks that are described, sent and answered. Scheduler and notebook have a core for themselves meanwhile, and lack it when both workers compute, so the price is rather higher. All sounds lay in the workers' memory before the clock started: reading from a disk or a network, often the real limit, is not in these numbers. And one number of workers tests no law; {cite:t}`karp1990measuring` watch the serial part while $N$ grows.

A task costs the scheduler about the same whatever is in it, so pieces should be large; but the work ends when the last piece does. Of three pieces (334 clips), one worker has to do two while the other waits; 500 makes two equal ones.
''')
code('''
times = {n: list(lab.seconds(record, *lab.pieces(n)).values()) for n in lab.PIECES}
fig, ax = plots.subplots(height=2.9)
for run in range(len(one)):
    ax.plot(lab.PIECES, [one[run] / times[n][run] for n in lab.PIECES], color="0.75", linewidth=1)
middle = [np.median(one / times[n]) for n in lab.PIECES]
ax.plot(lab.PIECES, middle, "o-", label="median of the runs")
ax.axhline(COUNT, color="black", linestyle=":", linewidth=1.2, label="two cores")
ax.set(xscale="log", xlabel="clips in a piece", ylabel="speed-up", ylim=(0, None))
ax.set_xticks(lab.PIECES, [str(n) for n in lab.PIECES], rotation=30)
ax.minorticks_off()
ax.legend()
plots.show(
    fig,
    alt="Speed-up of two workers over one process against the number of clips in a piece, one line "
    "for each run and their median, under a dotted line at two.",
)
''', "hide-input")
md(r'''
## Is training with averaged gradients the same training?

The loss of a batch is a mean over its $n$ clips, so its gradient is a mean too. Cut the batch into shards of $n_1, \dots, n_K$ clips. With $G_k$ the *sum* of the gradients of shard $k$,

$$
g = \frac{1}{n} \sum_{k=1}^{K} G_k = \sum_{k=1}^{K} \frac{n_k}{n}\, \bar g_k ,
\qquad \bar g_k = \frac{G_k}{n_k} .
$$

Each worker gets the weights, computes its $G_k$, and sends it back; the driver adds, divides, and makes one step of the optimiser. All workers wait for each other at every step: *synchronous data-parallel training*. As long as the loss of a clip depends on that clip alone, nothing is approximated, and only rounding can differ. This is the whole of it:
''')
code('''
show_source(distributed.average, Training.by_workers)
''')
md(r'''
One `map` hands over all shards of a step. The client sends at most one message every ten milliseconds, so no step can be shorter than that, and a first version of this chapter, which submitted shard by shard, was a little slower still. The weights travel with the tasks, through the scheduler; what stays the same for many tasks is better sent to the workers once (`client.scatter`).

Floating-point sums depend on their order. So the batch is always cut into the same shards, added in the same order, however many workers there are; only *who* computes a shard depends on the cluster.

Written down beforehand: the number of weights that differ in any bit at the end, one or two workers against one process, with each kind of normalisation; the claim is none.
''')
code('''
distributed.share_pictures(folder, pictures, some.labels)
STEPS, NORMS = 30, ("none", "clip", "batch")
trained, differ = {}, {}
for norm in NORMS:
    network = Network("convolutions", 8, norm)
    trained[norm] = Training(network, folder, seed=SEED).here(STEPS)
    for on in (both[:1], both):
        other = Training(network, folder, seed=SEED).by_workers(client, STEPS, on=on)
        name = f"normalisation {norm}, {len(on)} worker(s)"
        differ[name] = lab.other_numbers(other.vector, trained[norm].vector)
''')
code('''
training_verdict = verdict(
    "8.6-training",
    claim="Workers of one machine train the same network as one process, to the last bit.",
    values=differ,
    threshold=1.0,
    direction="less",
    unit="way of training",
    metric=f"weights that differ after {STEPS} steps, weights",
    comparison="one or two workers against one process, same shards in the same order",
    source=clips.source,
)
''')
md(r'''
Is it also the training that *nobody cut*? Here each batch of 64 is differentiated as a whole and in two unequal shards of 48 and 16 clips, at the weights that were just trained. If the formula is right, only rounding is left: $2 n u$ times the largest entry of the gradient, with $n$ the longest chain of additions, over a batch and all places of a picture. (Chapter 8.1 has it relative to the sum of the sizes of all terms; relative to the largest *result* it is stricter, and a rule of thumb.)

Two things could break it. **Forgetting the counts**: the mean of the two means, as if both shards were equal. **Batch normalisation** {cite:p}`ioffe2015batch`, whose mean and variance come from the clips that are there: a worker sees another batch than one process does. A normalisation that looks at each clip alone, such as **group normalisation** {cite:p}`wu2018group`, should not notice.

Written down beforehand, for each of several batches: with group normalisation the difference stays below the tolerance; without the counts, and with batch normalisation, it is above it. The differences have so many sizes that their mean says little; so, after a first run, the logarithm of difference over tolerance took its place.
''')
code('''
def apart(norm, step, counted=True):
    """Largest difference between a batch in two shards and as a whole, over the largest entry."""
    network, vector = trained[norm].network, trained[norm].vector
    numbers = distributed.batch_numbers(step, len(some), 64, seed=SEED + 1)
    gradient = partial(distributed.shard_gradient, vector=vector, network=network, folder=folder)
    _, whole = distributed.average([gradient(numbers)])
    parts = [gradient(part) for part in np.split(numbers, [48])]
    _, shared = distributed.average(parts)
    if not counted:
        shared = np.mean([g / n for _, g, n in parts], axis=0)
    return float(np.abs(shared - whole).max() / np.abs(whole).max())
''')
code('''
TOLERANCE = rounding_bound(64 * (distributed.FRAMES // 2) * (distributed.FRONT_END.n_mels // 2))
found = {"in shards": ("clip", True), "without the counts": ("clip", False),
         "batch normalisation": ("batch", True)}
found = {name: np.array([apart(norm, k, counted) for k in range(10)])
         for name, (norm, counted) in found.items()}
for name, values in found.items():
    print(f"{name:20s} {100 * np.median(values):8.4f} % of the largest entry (median)")
print(f"{'tolerance':20s} {100 * TOLERANCE:8.4f} %")
AVERAGE = {
    "threshold": 0.0,
    "unit": "batch",
    "metric": "largest difference over tolerance, doublings",
    "source": clips.source,
    "afterwards": "the logarithm",
}
''')
code('''
clip_verdict = verdict(
    "8.6-average",
    claim="Averaged by counts, the gradient of shards is the gradient of the batch.",
    values=np.log2(found["in shards"] / TOLERANCE),
    direction="less",
    comparison="shards of 48 and 16 against the whole batch, group normalisation",
    **AVERAGE,
)
counts_verdict = verdict(
    "8.6-counts",
    claim="Without the counts it is another gradient.",
    values=np.log2(found["without the counts"] / TOLERANCE),
    comparison="plain mean of the two shards' means against the whole batch",
    **AVERAGE,
)
''')
code('''
batch_verdict = verdict(
    "8.6-batchnorm",
    claim="With batch normalisation it is another gradient.",
    values=np.log2(found["batch normalisation"] / TOLERANCE),
    comparison="shards of 48 and 16 against the whole batch, batch normalisation",
    **AVERAGE,
)
''')
code('''
fig, ax = plots.subplots(height=2.8)
for norm in NORMS:
    ax.plot(np.arange(STEPS) + 1, trained[norm].losses, label=f"normalisation: {norm}")
ax.axhline(np.log(10), color="black", linestyle=":", linewidth=1.2, label="guessing")
ax.set(xlabel="step", ylabel="loss (nats)")
ax.legend()
plots.show(
    fig,
    alt="The loss of each batch, step by step, for networks without normalisation, with "
    "normalisation of each clip, and of the batch, beside a dotted line for guessing.",
)
''', "hide-input")
md(r'''
A network with batch normalisation can be trained on many machines and often is; {cite:t}`goyal2017accurate` kept the statistics on each worker on purpose, and the number of examples on a worker fixed, as a setting of the normalisation. But changed with the cluster, it is *another* training. Exercise 8.6.3 shows what workers would have to exchange on the way forwards to make it the same; on the way back they need two sums more, of the gradient and of its product with the normalised values.

## Can the time of a step be foretold?

A task of the first sections sent nothing but numbers of clips, and pictures back. A training step sends *all the weights* to every worker and a gradient as large back. Let $W$ be the seconds that one process takes for the gradient of the batch, $U$ those of the optimiser, which is not shared, $B$ the bytes of a gradient, $\alpha$ the seconds that a message takes however short it is, $\beta$ the bytes per second of a link. With a driver in the middle, a *star*, whose link carries everything,

$$
\begin{aligned}
T_1 &= U + W , \\
T_N &= U + \frac{W}{N} + 2\alpha + \frac{2 N B}{\beta} .
\end{aligned}
$$

So two workers win if $W > 2\,(2\alpha + 2NB/\beta)$ with $N = 2$; and the larger $N$, the worse the last term. A **ring** has no middle: cut the gradient into $N$ parts and pass them on from worker to worker, first adding, then handing round the sums. Each link carries less than $2B$ however many there are {cite:p}`patarasuk2009bandwidth`:

$$
T_N = U + \frac{W}{N} + 2(N - 1)\left(\alpha + \frac{B}{N \beta}\right) .
$$

In a ring nothing is sent out: every worker keeps the weights and makes the optimiser's step itself. And each part of the gradient is added in an order that depends on who stands where and on $N$: the same bits on any number of workers, as above, are a property of the star with fixed shards.

Our engine is a star. Its $2\alpha$ and $\beta$ come from messages that are sent to both workers and back without any work, up to a size beyond the largest gradient; $W$ and $U$ from one process. From these the step of two workers is foretold, for six networks of which no step with workers has been used. ($\beta$ counts all bytes that pass the driver, and is copying in one machine, no cable; whether $\alpha$ grows with $N$ can't be seen with two workers.)
''')
code('''
fixed, bandwidth = np.median(list(lab.links(record).values()), axis=0)
took = [[np.median(t) for t in run["messages"].values()] for run in record["runs"].values()]
sent = 2 * COUNT * np.array(lab.MESSAGES) / 1e6
fig, ax = plots.subplots(height=2.6)
ax.plot(sent, 1000 * np.transpose(took), color="0.75", linewidth=1)
ax.plot(sent, 1000 * np.median(took, axis=0), "o", label="median of the runs")
told = 1000 * (fixed + 1e6 * sent / bandwidth)
ax.plot(sent, told, color="black", linestyle=":", label="fixed + bytes / bandwidth")
ax.set(xlabel="sent and fetched (10⁶ bytes)", ylabel="time (ms)", ylim=(0, None))
ax.legend()
plots.show(
    fig,
    alt="Time of an exchange of messages with two workers against the bytes that pass the driver: "
    "one line for each run, the median, and the fitted line.",
)
text = f"An exchange with two workers: {1000 * fixed:.1f} ms and {bandwidth / 1e6:.0f} MB/s."
display(Markdown(text))
''', "hide-input")
md(r'''
The fixed part is far more than a local connection takes: client, scheduler and worker each collect messages for some milliseconds before they send them. The engine is made for tasks of a second, not of ten milliseconds.
''')
code('''
def middle(path):
    return 1000 * np.median(list(lab.seconds(record, *path).values()))


''')
code('''
heads = "| network | weights | one process | of it optimiser | two threads | two workers | foretold |"
table = [heads, "|---|" + "---:|" * 6]
for name, network in lab.NETWORKS.items():
    ways = (lab.ONE, "update", lab.THREADS, lab.WORKERS)
    row = [middle(lab.step_of(name, way)) for way in ways]
    row.append(1000 * np.median(list(lab.forecast(record, name).values())))
    cells = " | ".join(f"{v:.1f}" for v in row)
    table.append(f"| {name} | {network.size:,} | {cells} |")
wins = [n for n in lab.NETWORKS
        if middle(lab.step_of(n, lab.WORKERS)) < middle(lab.step_of(n, lab.ONE))]
text = f"Milliseconds of a step, batches of {lab.BATCH}. "
text += f"Networks with which two workers win: {len(wins)}."
display(Markdown("\\n".join(table)), Markdown(text))
''')
md(r'''
Convolutions use each weight at hundreds of places: much work, few bytes. A dense layer uses each once for each clip: little work, many bytes, and a large part of its step is the optimiser, which no worker shortens. *Two threads* are the rival that needs no engine: one process whose matrix products use both cores.

Written down beforehand: with convolutions of 24 channels two workers beat one process by more than a third of a doubling (less than for pictures, since sending is part of the bargain); with 1024 hidden units they *lose* to it; and on average over the networks the model is off by less than half a doubling.

In the first measurement, with shards sent one by one, two workers lost with every network. The way of sending was changed after that, and so was the error of the model: too high and too low no longer cancel. The limits were not. (The networks of a run share $\alpha$ and $\beta$, so as units they are not quite independent.)
''')
code('''
STEP, SENDING = {**RUN, "metric": "time of a step, doublings"}, "the way of sending"


def gains(network, batch=lab.BATCH):
    ways = (lab.step_of(network, way, batch) for way in (lab.ONE, lab.WORKERS))
    return lab.doublings(record, *ways)


gain_verdict = verdict(
    "8.6-much-work",
    claim="Two workers shorten a step that has much work and few weights.",
    differences=gains("convolutions 24"),
    comparison="one process − two workers, convolutions of 24 channels",
    smallest_effect=0.33,
    afterwards=SENDING,
    **STEP,
)
''')
code('''
loss_verdict = verdict(
    "8.6-many-weights",
    claim="Two workers lengthen a step that has many weights and little work.",
    differences=gains("dense 1024"),
    comparison="one process − two workers, 1024 hidden units",
    smallest_effect=0.0,
    afterwards=SENDING,
    direction="less",
    **STEP,
)
''')
code('''
errors = {n: list(lab.forecast_errors(record, n).values()) for n in lab.NETWORKS}
model_verdict = verdict(
    "8.6-model",
    claim="On average over networks, the cost model is off by less than half a doubling.",
    values={n: np.mean(np.abs(e)) for n, e in errors.items()},
    threshold=0.5,
    direction="less",
    unit="network",
    metric="measured over foretold time, doublings up or down",
    comparison="mean over the runs for each network",
    source="fsdd",
    afterwards="the way of sending, and errors without their signs",
)
free = [np.abs(list(lab.forecast_errors(record, n, sending=False).values())) for n in lab.NETWORKS]
signed = np.mean(list(errors.values()))
print(f"with its sign, the mean is {signed:+.2f} doublings (above 0: slower than foretold)")
print(f"foretold as if messages took no time, it would be off by {np.mean(free):.2f} doublings")
''')
code('''
fig, ax = plots.subplots(height=3.2)
for (name, _), mark in zip(lab.NETWORKS.items(), "os^Dvp", strict=True):
    told = 1000 * np.array(list(lab.forecast(record, name).values()))
    took = 1000 * np.array(list(lab.seconds(record, "training", name, lab.WORKERS).values()))
    ax.plot(told, took, mark, label=name, alpha=0.8)
ends = np.array(ax.get_xlim())
ax.plot(ends, ends, color="black", linestyle=":", linewidth=1.2)
ax.set(xscale="log", yscale="log", xlabel="foretold (ms)", ylabel="measured (ms)")
ax.legend(fontsize=8)
plots.show(
    fig,
    alt="Measured against foretold time of a step by two workers, for six networks and all runs, "
    "beside the dotted line on which both would be equal.",
)
''', "hide-input")
md(r'''
### The same network with a larger batch

A larger batch has more work for the same bytes, and by the condition above two workers win if $W$ is large enough. This part was added after the first measurement had shown no training that was worth sharing; the limit is the one above, with batches of 1000.
''')
code('''
batches, name = [lab.BATCH, *lab.BATCHES], lab.BATCH_NETWORK
ways = [[lab.seconds(record, *lab.step_of(name, way, n)) for n in batches] for way in (lab.ONE, lab.WORKERS)]
ratios = np.array([[one[run] / two[run] for run in one] for one, two in zip(*ways, strict=True)])
told = [np.median([one[run] / t for run, t in lab.forecast(record, name, n).items()])
        for one, n in zip(ways[0], batches, strict=True)]
fig, ax = plots.subplots(height=3.0)
ax.plot(batches, ratios, color="0.75", linewidth=1)
ax.plot(batches, np.median(ratios, axis=1), "o-", label="median of the runs")
ax.plot(batches, told, "--", label="foretold by the model")
ax.axhline(1, color="black", linestyle=":", linewidth=1.2, label="as fast as one process")
ax.set(xscale="log", xlabel="clips in a batch", ylabel="speed-up", ylim=(0, None))
ax.set_xticks(batches, [str(n) for n in batches])
ax.minorticks_off()
ax.legend()
ALT = ("Speed-up of two workers over one process against the size of the batch: one line for each "
       "run, their median, what the model foretells, and a dotted line at one.")
plots.show(fig, alt=ALT)
''', "hide-input")
code('''
large_verdict = verdict(
    "8.6-large-batch",
    claim="With a batch of 1000, two workers clearly shorten a step.",
    differences=gains(lab.BATCH_NETWORK, batch=1000),
    comparison="one process, the batch as a whole − two workers, convolutions of 24 channels",
    smallest_effect=0.33,
    afterwards="the batch",
    **STEP,
)
needed = 2 * (fixed + 2 * COUNT * 4 * lab.NETWORKS[lab.BATCH_NETWORK].size / bandwidth)
work = middle(lab.step_of(name, lab.ONE)) - middle(lab.step_of(name, "update"))
print(f"by the model, two workers win if a step has more than {1000 * needed:.0f} ms of work:")
print(f"about {1000 * needed / work * lab.BATCH:.0f} clips, if each costs as much as in a small batch")
for way, n in ((lab.ONE, lab.BATCH), (lab.ONE, 1000), (lab.WORKERS, 1000)):
    took = middle(lab.step_of(name, way, n)) / n
    print(f"{way}, batch of {n}: {took:.2f} ms for each clip")
''')
md(r'''
The last three lines are a warning. If a clip costs one process more in a larger batch, probably because the arrays no longer fit the fast memory of the processor, two workers gain twice: each has half of the work, and arrays half as large. The second gain needs no workers. One process can cut its batch into shards, too, and add the gradients; the verdict compares with one that does not. The missing control was thought of too late for the results file; here it is on this page, and therefore without a verdict.
''')
code('''
batch, took = min(512, len(some)), {}
for label, shards in (("whole", 1), ("halves", COUNT), ("shards of 64", batch // 64)):
    took[f"one process, {label}"] = (Training(lab.NETWORKS[name], folder, batch, shards), [])
    if shards > 1:
        took[f"two workers, {label}"] = (Training(lab.NETWORKS[name], folder, batch, shards), [])
for _ in range(4):
    for way, (training, seconds) in took.items():
        step = partial(training.by_workers, client) if way.startswith("two") else training.here
        seconds.append(lab.clock(step, 1)[0])
for way, (_, seconds) in took.items():
    print(f"{way:26s} {1000 * np.median(seconds[1:]):5.0f} ms for {batch} clips")
''')
md(r'''
## What is lost when a worker dies?

With one machine, a fault is an accident. Of a thousand that last a year each, one dies about every nine hours (exercise 8.6.5). Engines live with that because a task is a *function of its arguments*: whatever is lost can be computed again, elsewhere, and comes out the same {cite:p}`dean2008mapreduce`. Our tasks are such functions; the first section made sure of it.

So we kill one: not a polite request to stop, but the signal that a process can't catch, in the middle of the work. What it had finished, and not yet delivered, dies with it. Each call leaves a mark in a journal when it begins, with the number of its process.
''')
code('''
pieces = distributed.pieces_of(len(some), PIECE)
with tempfile.TemporaryDirectory() as journal:
    watch = lab.killer(client, len(pieces) // 2)
    parts = extract(pieces, watch=watch, journal=journal)
    calls = sum(distributed.journal_of(journal).values())
print(f"{len(pieces)} pieces, {calls} calls; {lab.other_clips(parts, pictures)} clips differ")
client.wait_for_workers(COUNT)
killed = Training(trained["clip"].network, folder, seed=SEED)
with tempfile.TemporaryDirectory() as journal:
    killed.by_workers(client, STEPS, watch=lab.killer(client, STEPS // 2), journal=journal)
    calls = sum(distributed.journal_of(journal).values())
other = lab.other_numbers(killed.vector, trained["clip"].vector)
print(f"a worker was killed at step {STEPS // 2} of {STEPS}")
print(f"{STEPS * killed.shards} shards, {calls} calls; {other} weights differ")
''')
md(r'''
The runs of the results file do the same. Their control is the same engine told to give up a task whose worker died while it had it in hand (`allowed_failures=0`); finished results that died with the worker it computes again even so. A plain pool is worse off: Python's [`ProcessPoolExecutor`](https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.process.BrokenProcessPool) gives up everything that is pending. Written down beforehand: with a second try no clip and no weight is missing or other, in any run; without one, clips are missing.
''')
code('''
def faults(*keys):
    return {r: sum(v["faults"][k] for k in keys) for r, v in record["runs"].items()}


''')
code('''
SAME = {"threshold": 1.0, "direction": "less", "unit": "run", "source": "fsdd"}
killed_verdict = verdict(
    "8.6-killed",
    claim="A worker is killed while it makes pictures, and none is lost or changed.",
    values=faults("other clips"),
    metric="clips that are missing or differ, clips",
    comparison="a worker killed in the middle against one process",
    **SAME,
)
killed_training_verdict = verdict(
    "8.6-killed-training",
    claim="A worker is killed in a step of training, and the weights become the same.",
    values=faults("other weights"),
    metric="weights that differ at the end, weights",
    comparison="a worker killed in the middle against one process",
    **SAME,
)
''')
code('''
retry_verdict = verdict(
    "8.6-no-retry",
    claim="Without a second try, results are missing.",
    values=faults("no second try"),
    threshold=0.0,
    unit="run",
    metric="clips that are missing, clips",
    comparison="a worker killed, no task tried again",
    source="fsdd",
)
for what, calls, tasks in (("pieces", "calls", "pieces"), ("shards", "shard calls", "shards")):
    again = [r["faults"][calls] - r["faults"][tasks] for r in record["runs"].values()]
    print(f"{what} begun once more after the kill: {min(again)} to {max(again)} in a run")
''')
md(r'''
Each shard begun once more is a gradient that was lost and made again. What is missing without a second try is what the worker had in hand, some pieces of 50: an interval says no more here than the number.
''')
md(r'''
A worker holds nothing that the driver lacks. But what if the *driver* dies? Then the weights are gone, and all workers with them. What helps is a **checkpoint**: all that the next step depends on, written to a file every few steps, so that a killed process leaves a whole file, the old or the new. (A power cut can still lose what was not on the disk yet, and if the machine dies the file must lie elsewhere.)

What does the next step depend on? The weights; the number of the step, which here decides the batch; the two running means of Adam, and how many steps are in them. The settings too: they are saved, and a training with other ones refuses to go on from the file. Others need more: the state of random generators, the place in a schedule of learning rates, the moving statistics of batch normalisation, the version of the data.

We train in a process of its own, kill that, go on from its last file, and compare with a training that nobody disturbed. The steps since the last file are lost and done again. With $C$ seconds for a checkpoint and $M$ from one fault to the next, one every $\sqrt{2CM}$ seconds loses least {cite:p}`young1974first`. The control leaves the running means out, as one does who saves "the model"; then Adam begins as if at its first step.

Written down beforehand: from the full checkpoint no weight differs at the end; from weights alone, more than half of them do.
''')
code('''
show_source(Training.save)
''')
code('''
UNTIL, AFTER, EVERY = 60, 20, lab.EVERY
settings = {"network": trained["clip"].network, "folder": folder, "seed": SEED}
whole = Training(**settings).here(UNTIL)
with tempfile.TemporaryDirectory() as place:
    path = Path(place) / "checkpoint.npz"
    step = distributed.kill_while_training(path, AFTER, UNTIL, EVERY, **settings)
    resumed = Training(**settings).load(path)
    cost = np.median([lab.clock(resumed.save, path)[0] for _ in range(5)])
    resumed.here(UNTIL - resumed.step)
other = lab.other_numbers(resumed.vector, whole.vector)
print(f"killed after the checkpoint of step {step}: up to {EVERY} steps were lost and done again")
print(f"at step {UNTIL}, {other} weights differ")
often = np.sqrt(2 * cost * 24 * 3600)
print(f"a checkpoint took {1000 * cost:.0f} ms; with a fault a day, one every {often:.0f} s")
''')
code('''
resumed_verdict = verdict(
    "8.6-resumed",
    claim="A killed training goes on from its checkpoint as if nothing had happened.",
    values=faults("other weights, resumed"),
    metric="weights that differ at the end, weights",
    comparison="killed and resumed against undisturbed",
    **SAME,
)
''')
code('''
size = lab.NETWORKS["convolutions 8"].size
bare_verdict = verdict(
    "8.6-weights-alone",
    claim="From the weights alone it goes on differently.",
    values={r: 100 * n / size for r, n in faults("other weights, weights alone").items()},
    threshold=50.0,
    unit="run",
    metric="weights that differ at the end, %",
    comparison="resumed without the optimiser's means against undisturbed",
    source="fsdd",
)
far = 100 * np.median(list(faults("distance, weights alone").values()))
losses = np.median([r["faults"]["losses"] for r in record["runs"].values()], axis=0)
print(f"largest difference of a weight: {far:.1f} % of the largest weight (median of the runs)")
print("loss of the ten steps after the checkpoint: "
      f"{losses[0]:.3f} undisturbed, {losses[1]:.3f} from weights alone")
everything.close()
''')
md(r'''
Other bits are not yet a worse training; what it cost one that had only just begun, the last two lines say.

There is a fault that no engine repairs by itself: a worker that is not dead but *slow*. In synchronous training everybody waits for it at every step. If a step of one worker is slow with a chance of one in a hundred, with a hundred workers two steps in three are slow: $1 - 0.99^{100}$. {cite:t}`dean2013tail` describe the remedies for search engines, where a request goes to thousands of machines: smaller pieces, and asking a second machine when the first does not answer in time, which is safe for tasks like ours for the same reason as trying again is.

## A thousand machines

What follows is **not measured**. It is the model of a ring, of which nothing was tested: the star, which we held against two workers, shares only $U$ and $W/N$ with it. Assumed are the weights; how often an example uses each, once in a dense layer, hundreds of times where a network goes over places or frames; six operations for each use (forwards two, backwards four); a fixed batch of 1024 examples; the link; and $2 \cdot 10^{10}$ operations per second for a processor core, a thousand times that for a machine with an accelerator.
''')
code('''
GBIT = 1.25e8
CASES = {  # weights, uses of each, operations per second, bytes per second, seconds a message
    "1 M weights, core, 1 Gbit/s": (1e6, 1, 2e10, GBIT, 1e-4),
    "100 M, core, 1 Gbit/s": (1e8, 1, 2e10, GBIT, 1e-4),
    "100 M, accelerator, 1 Gbit/s": (1e8, 1, 2e13, GBIT, 1e-4),
    "100 M, accelerator, 100 Gbit/s": (1e8, 1, 2e13, 100 * GBIT, 1e-5),
    "100 M used 500 times, accelerator, 100 Gbit/s": (1e8, 500, 2e13, 100 * GBIT, 1e-5),
}
NUMBERS = (2, 8, 64, 1000)


def ring(case, n, batch=1024):
    weights, uses, speed, bandwidth, latency = CASES[case]
    work = 6 * weights * uses * batch / speed
    return distributed.step_seconds(n, work, 4 * weights, latency, bandwidth)


''')
code('''
heads = ("speed-up with", *(f"N = {n}" for n in NUMBERS), "fastest", "machine-hours")
table = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
for case in CASES:
    cells = [f"{float(f'{ring(case, 1) / ring(case, n):.2g}'):g}" for n in NUMBERS]
    best = min(range(1, 1001), key=lambda n: ring(case, n))
    hours = (float(f"{1e5 * n * ring(case, n) / 3600:.2g}") for n in (1, best))
    cells += [f"N = {best}", " → ".join(f"{h:,g}" for h in hours)]
    table.append(f"| {case} | " + " | ".join(cells) + " |")
display(Markdown("\\n".join(table)))
''')
code('''
fig, ax = plots.subplots(height=3.4)
every = np.unique(np.geomspace(1, 1000, 60).astype(int))
for case in CASES:
    ax.plot(every, [ring(case, 1) / ring(case, int(n)) for n in every], label=case)
ax.plot(every, every, color="black", linestyle=":", linewidth=1.2, label="N times as fast")
ax.set(xscale="log", yscale="log", xlabel="machines", ylabel="speed-up", ylim=(0.003, 1500))
ax.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
plots.show(
    fig,
    alt="Speed-up by the model against the number of machines, up to a thousand, for five "
    "combinations of network, machine and link, beside a dotted line of N times as fast.",
)
''', "hide-input")
md(r'''
Below 1, more machines are slower. The last column is what $10^5$ steps cost in machine-hours, with one machine and with the fastest number. A faster machine makes the *network* the bottleneck: the 100 million weights that are worth sharing among slow cores are not worth it among accelerators, unless the link is fast and each weight has much to do. And wherever several machines are faster, they cost more machine-hours: the efficiency is below one.

The model leaves out the optimiser, which every worker of a ring makes for itself; sending while the backward pass still runs; gradients of 16 bits; trees, whose latency grows with $\log N$ only; and memory. With gradient and Adam's two means a weight takes 16 bytes in float32, so ten thousand million of them take 160 GB: more than one accelerator has, and then the weights themselves must be split (*model parallelism*).

The batch was fixed. With a fixed number of examples *for each worker* the first term would not shrink, and the efficiency would stay high, as Gustafson says; but then a thousand machines have a thousand times the batch, which is another training, with fewer steps and other learning rates {cite:p}`goyal2017accurate`. The model knows nothing of that.

## Summary
''')
code('''
gain, large, loss = (
    f"{v.effect:+.2f}".replace("-", "−") for v in (gain_verdict, large_verdict, loss_verdict)
)
summary(f"""
If noise is seeded clip by clip and shards are added in a fixed order, workers of one machine give
the bits of one process (for pictures: {same_verdict.outcome}; for the weights of a training:
{training_verdict.outcome}); averaging without counts gives another gradient
({counts_verdict.outcome}), and so does batch normalisation in shards ({batch_verdict.outcome}).
Two workers on two cores changed the speed of making pictures by {speed_verdict.measured()} (more
than half a doubling: {speed_verdict.outcome}). They changed the speed of a training step by {gain}
doublings with convolutions and a batch of {lab.BATCH} (clearly shorter: {gain_verdict.outcome}), by
{large} with a batch of 1000 against one process that takes it as a whole ({large_verdict.outcome}),
and by {loss} with many weights (longer: {loss_verdict.outcome}); a model of four numbers was off by
{model_verdict.effect:.2f}. A killed worker changes no clip ({killed_verdict.outcome}) and no weight
({killed_training_verdict.outcome}), while without a second try results are missing
({retry_verdict.outcome}); a killed training goes on from its checkpoint to the same bits
({resumed_verdict.outcome}).
""")
''')
md(r'''
## Exercises

Replace the `...` and run the cell. A wrong answer gets advice; hints and solutions are folded.

### Exercise 8.6.1 · The gradient of a batch in parts

Workers send the *means* of their gradients, a list of arrays, and how many examples each saw. Give back the gradient of the whole batch.
''')


def ask(n, signature):
    body = f"def answer_8_6_{n}({signature}):\n    return ...\n\n\n"
    code(body + f'check("8.6.{n}", answer_8_6_{n})\nhint("8.6.{n}")\nsolution("8.6.{n}")')


ask(1, "means, counts")
md(r'''
### Exercise 8.6.2 · What doesn't get shorter

One process took `one` seconds, `count` workers took `many`. Which part of the work was not shared, by Amdahl's law?
''')
ask(2, "one, many, count")
md(r'''
### Exercise 8.6.3 · Batch statistics from shards

Batch normalisation over several workers: from the counts, means and variances of the shards (lists; the variances divide by the count), give the mean and the variance of all examples together.
''')
ask(3, "counts, means, variances")
md(r'''
### Exercise 8.6.4 · Bytes round a ring

A gradient of `size` bytes is averaged among `count` workers in a ring. How many bytes does *one* worker send in a step?
''')
ask(4, "count, size")
md(r'''
### Exercise 8.6.5 · Will one of them die?

Machines die independently and at random, each on average once in `between` hours. What is the chance that at least one of `count` machines dies in a run of `hours`?
''')
ask(5, "count, hours, between")
md(r'''
### Exercise 8.6.6 · Project: uneven tasks

Recordings have all lengths, and so have tasks. Given the `durations` of tasks and a `count` of workers, give back a list of lists, the numbers of the tasks of each worker, so that the last of them ends early. Then use it: open workers again (`with distributed.workers(2) as client:`), share this page's sounds in a new folder, cut them into pieces of very different sizes, and submit each with `workers=[address]`, in your order and in the order in which they come. Measure in alternation whether it matters.
''')
ask(6, "durations, count")
md(r'''
## Further reading

- {cite:t}`dean2008mapreduce`: why tasks without side effects make faults harmless, and slow machines bearable.
- {cite:t}`goyal2017accurate`: synchronous training with very large batches, and the pitfalls of averaging, among them counts and batch normalisation.
- {cite:t}`patarasuk2009bandwidth`: the ring, and the proof that nothing sends less.
- {cite:t}`dean2013tail`: what the slowest of many machines does to everybody.
- {cite:t}`gustafson1988reevaluating`: two pages against a pessimistic law.
- {cite:t}`rocklin2015dask`: the engine of this chapter.
''')

nb = nbformat.v4.new_notebook()
nb.metadata = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
for i, (kind, text, tags) in enumerate(C):
    new = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
    cell = new(text)
    cell["id"] = f"bom-{i:03d}"
    if tags:
        cell.metadata["tags"] = tags
    nb.cells.append(cell)
root = pathlib.Path(__file__).resolve().parents[1]
nbformat.write(nb, root / "notebooks/8-outlook/6-beyond-one-machine.ipynb")
