import pathlib

import nbformat

C = []


def md(s):
    C.append(("markdown", s.strip("\n"), []))


def code(s, *tags):
    C.append(("code", s.strip("\n"), list(tags)))


md(r'''
# 8.6 Beyond one machine

You will share work among processes that could as well be machines, and find out whether the results stay the same to the last bit, what a second worker is worth, and what is lost when one is killed.
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
- write down what a step costs on many machines, and hold the model against measurements;
- kill a worker, or the whole training, and lose nothing.

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

Everything in this book fits one machine. Larger collections don't, and then somebody has to cut the work, send the parts round, notice that a machine has died, and collect the results. That somebody should be an existing *engine*.

TensorFlow has one for training, `MultiWorkerMirroredStrategy`; its users report that it fails with Keras 3, which this book uses, and the question was still open when this was written {cite:p}`keras20585`. Two general engines for Python are Dask {cite:p}`rocklin2015dask` and Ray {cite:p}`moritz2018ray`. Both run on a laptop and on a cluster, and both have free licences (BSD and Apache). We take Dask, for plain reasons: with its scheduler it is two packages of pure Python of `2.5 MB` together, and six small ones that this book did not have yet, the same files for Linux, macOS and Windows; Ray 2.60 for Linux is one file of `79 MB`, built for each system and each version of Python. For thousands of short tasks a second, or for objects shared in memory, the choice may well be the other one.

The parts are the same in both. A **client** (this notebook) hands over *tasks*: a function and its arguments. A **scheduler** knows which worker is free. **Workers** are processes that compute. On one machine they talk over local connections, on many over the network; the code is the same.
''')
code('''
show_source(distributed.workers)
''')
md(r'''
The workers compute with NumPy and the layers of chapter 3.1. With Keras they could do the same, but each of them would load TensorFlow, which takes seconds and half a gigabyte, before its first task. And each worker has *one* thread: two workers with two threads each on two cores would get into each other's way.

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
show_source(distributed.noisy_pictures)
''')
md(r'''
A *piece* of clips is one task. We cut the clips into pieces of several sizes, let one worker do them, or both, and compare every picture with what one process gives, bit by bit. Tasks are finished in any order, so a result must be put where it belongs, not where it arrives.

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
    claim="Who computes a picture, and in which piece, changes no bit of it.",
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
That worked because of one line: the noise of a clip comes from a generator seeded *with the number of the clip*. The usual way, one generator that is made when a task, a worker or a program begins, gives every clip other noise as soon as the work is cut differently. Nothing fails then; the experiment just can't be repeated on another number of machines. We try it, with one generator for each piece, seeded with its first clip. (Where a piece of one size begins with the same clip as one of another, they agree until the shorter ends: that is why not all will change.)

Written down beforehand: the part of the clips that change when pieces have another size; the claim is more than half.
''')
code('''
def with_piece_seeds(size):
    pieces = distributed.pieces_of(len(some), size)
    return np.concatenate(extract(pieces, seeding="piece"))


base, changed = with_piece_seeds(50), {}
for size in (7, 20, 30, 70):
    moved = lab.other_clips([with_piece_seeds(size)], base)
    changed[f"pieces of {size}"] = 100 * moved / len(some)
seed_verdict = verdict(
    "8.6-seeds",
    claim="With a generator for each piece, most pictures depend on how the work was cut.",
    values=changed,
    threshold=50.0,
    unit="size of pieces",
    metric="clips that differ, %",
    comparison="pieces of another size against pieces of 50, one generator for each piece",
    source=clips.source,
)
''')
md(r'''
## What is a second worker worth?

With $N$ workers, the **speed-up** is $S_N = T_1 / T_N$ and the **efficiency** $E_N = S_N / N$. What stands in for $T_1$ decides everything. Against *one worker* of the same engine, an engine looks good however slow it is. We take the time of one process without any engine.

Suppose a part $s$ of the work can't be shared. Then {cite:p}`amdahl1967validity`

$$
\frac{T_N}{T_1} = s + \frac{1 - s}{N}, \qquad
s = \frac{T_N / T_1 - 1/N}{1 - 1/N} ,
$$

and no number of workers gives more than $1/s$. Read from right to left, a measured time says how large $s$ must have been {cite:p}`karp1990measuring`; it then holds everything that went wrong, also sending and waiting. {cite:t}`gustafson1988reevaluating` objected that nobody buys a thousand machines for the same small problem: if the shared part of the work grows with $N$, the speed-up is $N - (N - 1)\,s'$, with $s'$ the part of the *parallel* run that is not shared.
''')
code('''
here = lab.measure_features(client, folder, len(some), rounds=3, sizes=(5, 200))
ways = (lab.ONE, lab.WORKER, lab.WORKERS)
print("on this page, perhaps beside other chapters that compute at the same time:")
for way in ways:
    print(f"{way:12s} {len(some) / np.median(here[way]):6.0f} clips per second")
''')
md(r'''
Such times are worth little when other programs run, and the built book runs several chapters at a time. So the verdicts of this section come from a results file: `python -m helpers.experiments.cluster` measured the same on a machine with two cores and nothing else to do, in alternation, eight times with new workers each time. The unit is such a run.

Written down beforehand: two workers against one process, pieces of 50 clips; the claim is more than half a doubling. And pieces of one clip against pieces of 50, two workers; the claim is that they cost more than half a doubling.
''')
code('''
RUN = {"unit": "run", "metric": "time, doublings", "source": "fsdd"}
speed_verdict = verdict(
    "8.6-speed",
    claim="On two cores, two workers are clearly faster than one process.",
    differences=lab.doublings(record, ("features", lab.ONE), ("features", lab.WORKERS)),
    comparison="one process − two workers, pictures of 1000 clips",
    smallest_effect=0.5,
    **RUN,
)
pieces_verdict = verdict(
    "8.6-pieces",
    claim="A task for each clip costs much more than a task for 50.",
    differences=lab.doublings(record, ("features", "pieces", "1"), ("features", "pieces", "50")),
    comparison="pieces of 1 clip − pieces of 50, two workers",
    smallest_effect=0.5,
    **RUN,
)
''')
code('''
one = np.array(list(lab.seconds(record, "features", lab.ONE).values()))
table = ["| | speed-up | efficiency | part that is not shared | limit by Amdahl |"]
table.append("|---|---:|---:|---:|---:|")
for way, n in ((lab.WORKER, 1), (lab.WORKERS, 2)):
    s = np.median(one / list(lab.seconds(record, "features", way).values()))
    cells = [f"{s:.2f}", f"{100 * s / n:.0f} %"]
    part = distributed.serial_fraction(s, n) if n > 1 else None
    cells.append("–" if part is None else f"{100 * part:.0f} %")
    cells.append("–" if part is None else f"{1 / part:.0f} times" if part > 0 else "none")
    table.append(f"| {way} | " + " | ".join(cells) + " |")
display(Markdown("\\n".join(table)))
display(Markdown(f"Against one process. {lab.provenance_text(record)}"))
''')
md(r'''
The first row is the price of the engine: the same work, the same core, but cut into tasks that are described, sent, and answered. A task costs the scheduler about the same whatever is in it. So pieces should be large; but if there are few of them, one worker is still busy with the last when the others have nothing left.
''')
code('''
times = {n: list(lab.seconds(record, "features", "pieces", str(n)).values()) for n in lab.PIECES}
fig, ax = plots.subplots(height=2.9)
for run in range(len(one)):
    ax.plot(lab.PIECES, [one[run] / times[n][run] for n in lab.PIECES], color="0.75", linewidth=1)
middle = [np.median(one / times[n]) for n in lab.PIECES]
ax.plot(lab.PIECES, middle, "o-", label="median of the runs")
ax.axhline(COUNT, color="black", linestyle=":", linewidth=1.2, label="two cores")
ax.set(xscale="log", xlabel="clips in a piece", ylabel="speed-up", ylim=(0, None))
ax.set_xticks(lab.PIECES, [str(n) for n in lab.PIECES])
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

Each worker gets the weights, computes its $G_k$, and sends it back; the driver adds, divides, and makes one step of the optimiser. All workers wait for each other at every step: *synchronous data-parallel training*. Nothing is approximated. This is the whole of it:
''')
code('''
show_source(distributed.average, Training.by_workers)
''')
md(r'''
Floating-point sums depend on their order. If the number of shards were the number of workers, another cluster would round differently. So the batch is always cut into the same shards, added in the same order, and only *who* computes a shard depends on the cluster.

Written down beforehand: the number of weights that differ in any bit after 30 steps, one or two workers against one process, with each kind of normalisation; the claim is none.
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
    claim="Workers train the same network as one process, to the last bit.",
    values=differ,
    threshold=1.0,
    direction="less",
    unit="way of training",
    metric="weights that differ after 30 steps, weights",
    comparison="one or two workers against one process, same shards in the same order",
    source=clips.source,
)
''')
md(r'''
Is it also the training that *nobody cut*? Here each batch of 64 is differentiated as a whole and in two unequal shards of 48 and 16 clips, at the weights that were just trained. If the formula is right, only rounding is left: by the rule of thumb of chapter 8.1, $2 n u$ times the largest entry of the gradient, with $n$ the longest chain of additions, over a batch and all places of a picture.

Three things could break it. **Forgetting the counts**: the mean of the two means, as if both shards were equal. **Batch normalisation** {cite:p}`ioffe2015batch`, whose mean and variance come from the clips that are there: a worker sees another batch than one process does. A normalisation that looks at each clip alone, such as **group normalisation** {cite:p}`wu2018group`, should not notice.

Written down beforehand, over ten batches: with group normalisation the difference stays below the tolerance; without the counts, and with batch normalisation, it is above it.
''')
code('''
def apart(norm, step, counted=True):
    """Largest difference between a batch in two shards and as a whole, in tolerances."""
    network, vector = trained[norm].network, trained[norm].vector
    numbers = distributed.batch_numbers(step, len(some), 64, seed=SEED + 1)
    gradient = partial(distributed.shard_gradient, vector=vector, network=network, folder=folder)
    _, whole = distributed.average([gradient(numbers)])
    parts = [gradient(part) for part in np.split(numbers, [48])]
    _, shared = distributed.average(parts)
    if not counted:
        shared = np.mean([g / n for _, g, n in parts], axis=0)
    terms = 64 * (distributed.FRAMES // 2) * (distributed.FRONT_END.n_mels // 2)
    return float(np.abs(shared - whole).max() / (rounding_bound(terms) * np.abs(whole).max()))
''')
code('''
BATCHES = range(10)
AVERAGE = {
    "threshold": 1.0,
    "unit": "batch",
    "metric": "largest difference of the gradient, units of the tolerance",
    "source": clips.source,
}
clip_verdict = verdict(
    "8.6-average",
    claim="Averaged by counts, the gradient of shards is the gradient of the batch.",
    values=[apart("clip", step) for step in BATCHES],
    direction="less",
    comparison="shards of 48 and 16 against the whole batch, group normalisation",
    **AVERAGE,
)
''')
code('''
counts_verdict = verdict(
    "8.6-counts",
    claim="Without the counts it is another gradient.",
    values=[apart("clip", step, counted=False) for step in BATCHES],
    comparison="plain mean of the two shards' means against the whole batch",
    **AVERAGE,
)
batch_verdict = verdict(
    "8.6-batchnorm",
    claim="With batch normalisation it is another gradient.",
    values=[apart("batch", step) for step in BATCHES],
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
    alt="The loss of each batch over thirty steps for networks without normalisation, with "
    "normalisation of each clip, and of the batch, beside a dotted line for guessing.",
)
''', "hide-input")
md(r'''
A network with batch normalisation can be trained on many machines and often is; {cite:t}`goyal2017accurate` kept the statistics on each worker on purpose, and the number of examples on a worker fixed, as a setting of the normalisation. But changed with the cluster, it is *another* training. Exercise 8.6.3 shows what workers would have to exchange to make it the same.

## Can the time of a step be foretold?

A task of the first sections sent nothing but numbers of clips, and 50 pictures back. A training step sends *all the weights* to every worker and a gradient as large back, every few milliseconds. Let $W$ be the seconds that one process takes for the gradient of the batch, $B$ the bytes of a gradient, $\alpha$ the seconds that a message takes however short it is, $\beta$ the bytes per second of a link. With a driver in the middle, a *star*, whose link carries everything,

$$
T_N = \frac{W}{N} + 2\alpha + \frac{2 N B}{\beta} .
$$

The larger $N$, the worse. A **ring** has no middle: cut the gradient into $N$ parts and pass them on from worker to worker, first adding, then handing round the sums. Each link carries less than $2B$ however many there are {cite:p}`patarasuk2009bandwidth`:

$$
T_N = \frac{W}{N} + 2(N - 1)\left(\alpha + \frac{B}{N \beta}\right) .
$$

Our engine is a star. Its $\alpha$ and $\beta$ come from messages that are sent to both workers and back, without any work; $W$, and the time $U$ of the optimiser, which is not shared, from one process. From these four the step of two workers is foretold, for six networks of which no step with workers has been used.
''')
code('''
fixed, bandwidth = np.median(list(lab.links(record).values()), axis=0)
print(f"an exchange with two workers: {1000 * fixed:.1f} ms and {bandwidth / 1e6:.0f} MB/s")
table = ["| network | weights | one process (ms) | two threads | two workers | foretold |"]
table.append("|---|---:|---:|---:|---:|---:|")
for name, network in lab.NETWORKS.items():
    row = [np.median(list(lab.seconds(record, "training", name, way).values()))
           for way in (lab.ONE, lab.THREADS, lab.WORKERS)]
    row.append(np.median(list(lab.forecast(record, name).values())))
    cells = " | ".join(f"{1000 * v:.1f}" for v in row)
    table.append(f"| {name} | {network.size:,} | {cells} |")
display(Markdown("\\n".join(table)))
''')
md(r'''
Convolutions use each weight at hundreds of places: much work, few bytes. A dense layer uses each weight once for each clip: little work, many bytes. The column *two threads* is the rival that needs no engine: one process whose matrix products use both cores.

Written down beforehand, for the runs of the results file: with convolutions of 24 channels two workers beat one process by more than a third of a doubling; with 1024 hidden units they *lose* to it; and the model foretells the step within half a doubling, the unit being the network.
''')
code('''
STEP = {**RUN, "metric": "time of a step, doublings"}
gain_verdict = verdict(
    "8.6-much-work",
    claim="Two workers shorten a step that has much work and few weights.",
    differences=lab.doublings(
        record, ("training", "convolutions 24", lab.ONE), ("training", "convolutions 24", lab.WORKERS)
    ),
    comparison="one process − two workers, convolutions of 24 channels",
    smallest_effect=0.33,
    **STEP,
)
''')
code('''
loss_verdict = verdict(
    "8.6-many-weights",
    claim="Two workers lengthen a step that has many weights and little work.",
    differences=lab.doublings(
        record, ("training", "dense 1024", lab.ONE), ("training", "dense 1024", lab.WORKERS)
    ),
    comparison="one process − two workers, 1024 hidden units",
    smallest_effect=0.0,
    direction="less",
    **STEP,
)
''')
code('''
model_verdict = verdict(
    "8.6-model",
    claim="The cost model foretells the step of two workers within half a doubling.",
    values=lab.forecast_errors(record),
    threshold=0.0,
    smallest_effect=0.5,
    direction="equivalent",
    unit="network",
    metric="measured over foretold time, doublings",
    comparison="mean over the runs for each network",
    source="fsdd",
)
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
## What is lost when a worker dies?

With one machine, a fault is an accident. With a thousand, one of them is always broken (exercise 8.6.5). Engines live with that because a task is a *function of its arguments*: whatever is lost can be computed again, elsewhere, and comes out the same {cite:p}`dean2008mapreduce`. Our tasks are such functions; the first section made sure of it.

So we kill one: not a polite request to stop, but the signal that a process can't catch, in the middle of the work. What it had finished, and not yet delivered, dies with it. A journal counts how often the task is called.
''')
code('''
pieces = distributed.pieces_of(len(some), PIECE)
with tempfile.TemporaryDirectory() as journal:
    watch = lab.killer(client, len(pieces) // 2)
    parts = extract(pieces, watch=watch, journal=journal)
    calls = len(list(Path(journal).iterdir()))
print(f"{len(pieces)} pieces, {calls} calls; {lab.other_clips(parts, pictures)} clips differ")
client.wait_for_workers(COUNT)
killed = Training(trained["clip"].network, folder, seed=SEED)
killed.by_workers(client, STEPS, watch=lab.killer(client, STEPS // 2))
other = lab.other_numbers(killed.vector, trained["clip"].vector)
print(f"a worker was killed at step {STEPS // 2} of {STEPS}; {other} weights differ")
''')
md(r'''
The runs of the results file do the same. Their control is an engine that never tries a task again (`allowed_failures=0`), which is what a plain pool of processes does. Written down beforehand: with a second try no clip and no weight is missing or other, in any run; without one, clips are missing.
''')
code('''
def faults(*keys):
    return {r: sum(v["faults"][k] for k in keys) for r, v in record["runs"].items()}


killed_verdict = verdict(
    "8.6-killed",
    claim="A worker is killed in the middle, and nothing is lost or changed.",
    values=faults("other clips", "other weights"),
    threshold=1.0,
    direction="less",
    unit="run",
    metric="what is missing or differs, clips or weights",
    comparison="a worker killed while making pictures, and one during training, against none",
    source="fsdd",
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
again = [r["faults"]["calls"] - r["faults"]["pieces"] for r in record["runs"].values()]
print(f"pieces that had to be computed again: {min(again)} to {max(again)} in a run")
''')
md(r'''
A worker holds nothing that the driver lacks. But what if the *driver* dies? Then the weights are gone, and all workers with them. What helps is a **checkpoint**: all that the next step depends on, written to a file every few steps, in such a way that the file is always a whole one, the old or the new.

What does the next step depend on? The weights; the number of the step, which here decides the batch; and the two running means of Adam. We train in a process of its own, kill that, go on from its last file, and compare with a training that nobody disturbed. The control leaves the running means out, as one does who saves "the model".

Written down beforehand: from the full checkpoint no weight differs at the end; from weights alone, more than half of them do.
''')
code('''
show_source(Training.save)
''')
code('''
settings = {"network": trained["clip"].network, "folder": folder, "seed": SEED}
whole = Training(**settings).here(60)
with tempfile.TemporaryDirectory() as place:
    path = Path(place) / "checkpoint.npz"
    step = distributed.kill_while_training(path, 20, 60, 5, **settings)
    resumed = Training(**settings).load(path)
    resumed.here(60 - resumed.step)
other = lab.other_numbers(resumed.vector, whole.vector)
print(f"killed after the checkpoint of step {step}; at step 60, {other} weights differ")
''')
code('''
resumed_verdict = verdict(
    "8.6-resumed",
    claim="A killed training goes on from its checkpoint as if nothing had happened.",
    values=faults("other weights, resumed"),
    threshold=1.0,
    direction="less",
    unit="run",
    metric="weights that differ at the end, weights",
    comparison="killed and resumed against undisturbed",
    source="fsdd",
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
everything.close()
''')
md(r'''
There is a fault that no engine repairs by itself: a worker that is not dead but *slow*. In synchronous training everybody waits for it at every step. If a step of one worker is slow with a chance of one in a hundred, with a hundred workers two steps in three are slow: $1 - 0.99^{100}$. {cite:t}`dean2013tail` describe the remedies for search engines, where a request goes to thousands of machines: smaller pieces, and asking a second machine when the first does not answer in time, which is safe for tasks like ours for the same reason as trying again is.

## A thousand machines

What follows is **not measured**. It is the model of a ring, which was held against two workers only, with assumptions that stand in the table: the network, six operations for each weight and example (forwards two, backwards four), a fixed batch of 1024 examples, the speed of one machine, and the link. A processor core does about $2 \cdot 10^{10}$ operations per second; a machine with an accelerator is put at a thousand times that.
''')
code('''
CASES = {  # weights, operations per second, bytes per second, seconds a message
    "1 M weights, core, 1 Gbit/s": (1e6, 2e10, 1.25e8, 1e-4),
    "100 M weights, core, 1 Gbit/s": (1e8, 2e10, 1.25e8, 1e-4),
    "100 M weights, accelerator, 1 Gbit/s": (1e8, 2e13, 1.25e8, 1e-4),
    "100 M weights, accelerator, 100 Gbit/s": (1e8, 2e13, 1.25e10, 1e-5),
    "10 000 M weights, accelerator, 100 Gbit/s": (1e10, 2e13, 1.25e10, 1e-5),
}
NUMBERS = (1, 2, 4, 8, 16, 64, 256, 1000)


def ring(case, n, batch=1024):
    weights, speed, bandwidth, latency = CASES[case]
    return distributed.step_seconds(n, 6 * weights * batch / speed, 4 * weights, latency, bandwidth)


''')
code('''
table = ["| | " + " | ".join(f"N = {n}" for n in NUMBERS) + " | fastest | machine-hours |"]
table.append("|---|" + "---:|" * (len(NUMBERS) + 2))
for case in CASES:
    speed_ups = [f"{ring(case, 1) / ring(case, n):.2g}" for n in NUMBERS]
    best = min(range(1, 1001), key=lambda n: ring(case, n))
    hours = [1e5 * n * ring(case, n) / 3600 for n in (1, best)]
    end = f"N = {best} | {hours[0]:,.0f} → {hours[1]:,.0f}"
    table.append(f"| {case} | " + " | ".join(speed_ups) + f" | {end} |")
display(Markdown("\\n".join(table)))
''')
code('''
fig, ax = plots.subplots(height=3.4)
every = np.unique(np.geomspace(1, 1000, 60).astype(int))
for case in CASES:
    ax.plot(every, [ring(case, 1) / ring(case, int(n)) for n in every], label=case)
ax.plot(every, every, color="black", linestyle=":", linewidth=1.2, label="N times as fast")
ax.set(xscale="log", yscale="log", xlabel="machines", ylabel="speed-up", ylim=(0.01, 1500))
ax.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
plots.show(
    fig,
    alt="Speed-up by the model against the number of machines, up to a thousand, for five "
    "combinations of network, machine and link, beside a dotted line of N times as fast.",
)
''', "hide-input")
md(r'''
The numbers are speed-ups over one machine; below 1, more machines are slower. The last column is what $10^5$ steps cost in machine-hours, with one machine and with the fastest number. Three things can be read off, and only because the model is so simple. A faster machine makes the *network* the bottleneck: the same 100 million weights that are worth sharing among slow cores are not worth it among accelerators on the same cable. The latency, which nobody sees with two workers, is paid $2(N - 1)$ times. And the fastest number of machines is never the cheapest.

The batch was fixed. With a fixed number of examples *for each worker* the first term would not shrink, and the efficiency would stay high, as Gustafson says; but then a thousand machines have a thousand times the batch, which is another training, with fewer steps and other learning rates {cite:p}`goyal2017accurate`. The model knows nothing of that.

## Summary
''')
code('''
told = np.array(list(lab.forecast_errors(record).values()))
summary(f"""
Shared among workers, pictures in noise and a training with averaged gradients came out with
{same_verdict.measured()} and {training_verdict.measured()} different from one process, if noise
is seeded clip by clip and shards are added in a fixed order; with batch normalisation the gradient
was off by {batch_verdict.measured()}. On two cores, two workers made pictures faster by
{speed_verdict.measured()} ({speed_verdict.outcome}: that this is more than half a doubling), and a
task for every clip cost {pieces_verdict.measured()}. A step of training changed by
{gain_verdict.measured()} where there was much work for few weights and by
{loss_verdict.measured()} where there were many weights, and a model of four numbers foretold it up
to {np.abs(told).max():.2f} doublings. Killed workers changed or lost
{killed_verdict.measured()}; a killed training that went on from its checkpoint,
{resumed_verdict.measured()}.
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

Recordings have all lengths, and so have tasks. Given the `durations` of tasks and a `count` of workers, give back a list of lists, the numbers of the tasks of each worker, so that the last of them ends early. Then use it: cut this page's clips into pieces of very different sizes, give them to the workers in your order and in the order in which they come, and measure whether it matters in alternation.
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
