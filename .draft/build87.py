# ruff: noqa
# fmt: off
import os, nbformat
C = []
def md(s): C.append(("markdown", s.strip("\n"), []))
def code(s, *tags): C.append(("code", s.strip("\n"), list(tags)))

md('''
# 8.7 Ethics and law

You will find out how to measure whether a recogniser serves some speakers worse than others, whether a detector of synthetic voices hears the voice or the channel, what a quiet mark withstands, and what the law asked for when this page was written.
''')
code('''
from helpers.datasets import load_digits
from helpers.show import chapter_facts

clips = load_digits()
chapter_facts("8.7", reading_minutes=40, data=clips)
''')
md('''
**You will be able to**

- measure an error rate by group, with an interval over speakers and a comparison that was written down before;
- find out by a control whether a detector hears the channel instead of the voice;
- mark synthetic speech with a key, and state the chance of a false alarm by a formula;
- read licences of data and of weights, and fill in a model card;
- name the rules on voices of three jurisdictions (the European Union, the United States, China), with the date on which you looked.

**Read first:** [5.2](../5-project/2-sound-recogniser.ipynb) for the recogniser, [2.5](../2-concepts/5-experiments-that-can-fail.ipynb) for claims and verdicts, [2.1](../2-concepts/1-digital-audio.ipynb) for codecs and masking.

What is said about law here is a reading list with dates, not legal advice. Sources were last read on 27 November 2026; each entry of the bibliography says what exactly was read. What could not be confirmed is left out.

Verdicts stand on a results file with more voices, clips and training than a page has time for (`python -m helpers.experiments.ethics` repeats it), unless the text says that they are measured here.
''')
code('''
import numpy as np
from IPython.display import Markdown, display
from scipy.stats import norm

from helpers import audio, plots, speech, spoofing, watermark
from helpers.exercises import check, hint, solution
from helpers.experiments import ethics
from helpers.experiments._record import load_results
from helpers.listen import compare, players
from helpers.show import show_source, summary
from helpers.training import train_recogniser
from helpers.verdict import interval, verdict

record = load_results("ethics")
''')
md('''
## Does it serve every accent alike?

A study of 2020 gave five commercial recognisers interviews with 42 white and 73 black speakers of the United States; all five made nearly twice as many errors on the latter, with average word error rates of 0.35 against 0.19 {cite:p}`koenecke2020racial`. A later study of the same corpus, with another recogniser, found that part of such a difference can come from how each place recorded its interviews {cite:p}`li2024reexamining`. An audit with a global archive of accents found, in every service that it tested, that results went with the politics of the speaker's birth country, how closely it is aligned with the United States {cite:p}`dichristofano2022global`. Two lessons: look, and look at the recordings too.

This book's recordings cannot answer the question. The digits come with a list of their six speakers: six men, four kinds of accent, at most two men of each {cite:p}`fsdd`. No rate by group can be had from that. What can be shown is the **method**, on the eight English accents of the built-in voices. A synthesiser's "Scottish" is a set of rules that somebody wrote; *nothing that follows says anything about people in Scotland, or anywhere*.

Here are three words in each accent, by the same voice. The names are the synthesiser's: `en-us` and `en` for America and Britain at large, then Scotland, received pronunciation (`rp`), Lancaster (`gbclan`), the West Midlands (`gbcwmd`), the Caribbean (`en-029`) and New York.
''')
code('''
said = [speech.Utterance("five nine zero", f"{accent}+m3") for accent in speech.ACCENTS]
spoken, rate = speech.synthesise(said)
five = [audio.resample(x, rate, 16000) for x in spoken]
players(five, 16000, list(speech.ACCENTS), credit="Spoken by eSpeak NG", encoding="compact")
''')
md('''
The design, written before the run:

- **Unit**: the voice. Each built-in voice says the ten digits in all eight accents, so a voice is its own control. A third of the voices are for the test, and no trial has tested them.
- **Training sets of equal size**, from the same voices: (a) everybody speaks General American (`en-us`, the *home* accent); (b) every fourth voice speaks the *neglected* accent instead; (c) the accents take turns. Otherwise more data and other data would be confused.
- **The neglected accent** is the one with most errors under (a), on *validation* voices. Of eight accents one is always worst, by chance alone: by the luck of the voices and by the luck of the training. Its error on the voices and in the network that chose it is flattered upwards. So one network chooses, and the gap is measured in two others, from other seeds, on other, *test* voices. Then one comparison is tested, not seven. (A first version tested the network that had chosen as well; the boxes say so.)
- **Claims**: the gap between that accent and the home accent is above two percentage points <!-- constant: smallest effect -->; and giving it a quarter of the training lowers its error by more than two points. <!-- constant: smallest effect -->

On this page one network is trained, under (a) and for a part of its steps, to show what is counted; `STEPS_HERE = ethics.STEPS` gives it all. Where sizes are compared, `"en"` stands for whatever accent will be the neglected one.
''')
code('''
voices = ethics.english_voices()
training, validation, test = ethics.divided(voices)
STEPS_HERE = 150

learnt = [ethics.training_clips(voices, c, "en") for c in ethics.CONDITIONS]
print("clips to learn from:", dict(zip(ethics.CONDITIONS, map(len, learnt), strict=True)))
print(f"voices: {len(training)} training, {len(validation)} validation, {len(test)} test")
''')
code('''
model, _ = train_recogniser(voices.subset(learnt[0]), steps=STEPS_HERE, seed=0, jury=1)
worst_here = ethics.worst_accent([ethics.wrong_by_accent(model, voices, validation)])
here = ethics.wrong_by_accent(model, voices, test)
print(f"neglected accent, by the validation voices: {worst_here}")
''')
code('''
mean = ethics.mean_over_voices(here)
bounds = [interval([row[a] for row in here.values()]) for a in speech.ACCENTS]
fig, ax = plots.per_group(
    speech.ACCENTS,
    [mean[a] for a in speech.ACCENTS],
    intervals=bounds,
    xlabel="errors (%), trained briefly on en-us alone",
)
plots.show(
    fig,
    alt="Bars of the error rate on test voices for the eight built-in accents, each with its "
    "interval, for a recogniser that was trained on one of them.",
)
''')
md('''
The networks of the results file had all their steps. Which accent is the neglected one is decided anew, by the first of them; it need not be that of the short training.
''')
code('''
display(Markdown(ethics.accent_table(record)))
''')
code('''
home, neglected = ethics.HOME, ethics.neglected_accent(record)
before, after, at_home, pays = (
    ethics.errors_on(record, condition, accent)
    for accent in (neglected, home)
    for condition in ("one accent", "a share")
)
gap = verdict(
    "8.7-gap",
    claim=f"Trained on {home} alone, a recogniser makes more errors on {neglected}.",
    differences={v: before[v] - at_home[v] for v in before},
    unit="voice",
    metric="errors, percentage points",
    comparison=f"{neglected} − {home}",
    smallest_effect=2.0,
    afterwards="which networks are tested",
    source="builtin",
)
''')
code('''
better = verdict(
    "8.7-share",
    claim="A quarter of the training in the neglected accent lowers its errors.",
    differences={v: before[v] - after[v] for v in before},
    unit="voice",
    metric="errors, percentage points",
    comparison="one accent − a share, on the neglected accent",
    smallest_effect=2.0,
    afterwards="which networks are tested",
    source="builtin",
)
''')
md('''
The intervals are over voices. Of other trainings they say nothing; so here are the networks one by one, the one that chose included. And the rest of the table, of which nothing was claimed:
''')
code('''
for seed in ethics.SEEDS:
    means = ethics.mean_errors(record, "one accent", (seed,))
    chose = " (chose the accent)" if seed == ethics.CHOOSING else ""
    print(f"seed {seed}: gap {means[neglected] - means[home]:.1f} points{chose}")
one, share, eight = (ethics.mean_errors(record, c) for c in ethics.CONDITIONS)
others = [a for a in one if a not in (home, neglected)]
moved = [share[a] - one[a] for a in others]
low, high = interval([pays[v] - at_home[v] for v in pays])
text = f"""
The quarter in {neglected} changed its own errors by {share[neglected] - one[neglected]:+.1f}
points, those of the six other accents by {min(moved):+.1f} to {max(moved):+.1f}, and those at
home by {share[home] - one[home]:+.1f} (interval {low:+.1f} to {high:+.1f}). All eight accents in
the same number of clips: at home {eight[home]:.1f} % instead of {one[home]:.1f} %; the worst of
the eight has {max(eight.values()):.1f} % instead of {max(one.values()):.1f} %.
"""
display(Markdown(text))
''')
md('''
**Why averages hide it.** Suppose nineteen of twenty users speak the home accent, and one the neglected one.
''')
code('''
mixed = 0.95 * one[home] + 0.05 * one[neglected]
text = f"""
Home {one[home]:.1f} %, neglected {one[neglected]:.1f} %, averaged over such users {mixed:.1f} %.
The average is {mixed - one[home]:.1f} points above the home accent; the one user in twenty meets
{one[neglected] / one[home]:.1f} times the errors of the others.
"""
display(Markdown(text))
''')
md('''
The same steps hold for people, with two more. Ask speakers how *they* describe their accent, instead of guessing it; and compare the recordings of the groups, because a cheaper microphone in one of them looks like an accent. Report the worst group beside the mean, and how many speakers it had.

## Does a detector hear the voice, or the channel?

A detector is shown recordings of people and synthetic speech, and learns to tell them apart. The question that decides its worth is *by what*. In the ASVspoof set of 2019 real recordings had longer silences; a model that knew the length of the leading silence and nothing else reached an equal error rate of 15.1 % {cite:p}`muller2021speech`.

Our detector is as plain as can be. Of the log-mel picture ([2.3](../2-concepts/3-features.ipynb)), relative to its loudest point, it takes the mean and the spread of each band over time and the mean change from frame to frame, 96 numbers, each scaled to a deviation of one. A *linear discriminant* adds them up with weights

$$
w = (S + \\lambda I)^{-1} (m_\\text{genuine} - m_\\text{synthetic}),
$$

where the $m$ are the means of both kinds, and $S$, the mean of their covariances, says how far clips of one kind scatter. The *ridge* $\\lambda$ keeps the weights from growing; it was chosen out of three in first trials. Those trials had only these same six speakers to listen to, so what follows is kinder to the detector than strangers would be. The claims are about *differences*, and their limits were set after those trials; the boxes say so.
''')
code('''
show_source(spoofing.statistics, spoofing.train)
''')
md('''
Two measures. The **area under the curve** (AUC) is the chance that a recording scores above a synthetic clip: 0.5 is guessing. The **equal error rate** is found at the threshold where as large a share of recordings is rejected as of synthetic clips is accepted; it is that share.

*Genuine* are the digits of this page's data; *synthetic* are built-in voices, exactly as the synthesiser makes them. One speaker is held out at a time, with a sixth of the synthetic voices. Two claims, measured here, on the clips that you hear; unit: the held-out speaker, or group of voices.

- **The same synthetic clips in rooms and noise** are told from people less well: the AUC falls by more than 0.1. They are as synthetic as before. But this has two explanations: the detector hears the room, or the room hides what it heard.
- **A control in which nothing is synthetic**: people's clips as found, and the same clips in rooms. If the detector hears the room, those in rooms seem *more* genuine to it, since it learnt that what is clean is synthetic: the chance that one scores above a clip as found is above 0.5 by more than 0.1. (This claim was added after the first had been measured.)

(Without recordings of people the genuine clips are built-in voices in rooms and noise as well. Then nothing genuine is there at all, and a detector that still finds some is caught.)
''')
code('''
EACH = 40
people, clean = ethics.drawn(clips, EACH), ethics.drawn(voices, EACH)
roomy, moved = ethics.in_rooms(clean), ethics.in_rooms(people)
names = sorted(set(map(str, clips.speakers)))
names = names if len(names) == 6 else [f"voices {c}" for c in "ABCDEF"]
unit = "speaker" if len(set(clips.speakers)) == 6 else "voice group"
labels = ["genuine", "the same in a room", "synthetic, clean", "the same in a room"]
sounds = [group[0][0] for group in (people, moved, clean, roomy)]
players(sounds, 8000, labels, credit=clips.credit)
''')
code('''
a, b, c, d = map(ethics.described, (people, moved, clean, roomy))
(plain, in_room, against), (both,) = (
    ethics.held_out(a, c, c, d, b)[:, :, 0],
    ethics.held_out(a, c, d, against=b)[:, :, 0],
)
channel = verdict(
    "8.7-channel",
    claim="Synthetic clips are told from people less well when they come from rooms.",
    differences=dict(zip(names, plain - in_room, strict=True)),
    unit=unit,
    metric="AUC, of 1",
    comparison="clean clips − the same in rooms and noise",
    smallest_effect=0.1,
    afterwards="the limit, the detector and the wording",
    source=clips.source,
)
''')
code('''
room = verdict(
    "8.7-room",
    claim="To that detector a room makes people's own clips sound more genuine.",
    differences=dict(zip(names, 0.5 - against, strict=True)),
    unit=unit,
    metric="chance, of 1",
    comparison="chance that a clip in a room scores above one as found − 0.5",
    smallest_effect=0.1,
    afterwards="the claim",
    source=clips.source,
)
''')
code('''
on_file = record["runs"]["detector"]["measured"]["clean voices"][ethics.MOVED]
filed = 0.5 - np.array(on_file)[:, 0]
low, high = interval(filed)
text = f"""
On file, with {ethics.CLIPS} clips of each of six people: {filed.mean():+.3f} [{low:.3f},
{high:.3f}]. Here the AUC is {plain.mean():.2f} with everything as found, {in_room.mean():.2f}
with the synthetic clips in rooms, and {both.mean():.2f} with *both* in rooms. If rooms moved both
kinds alike and hid nothing, the last would be the first again; what is missing,
{plain.mean() - both.mean():.2f}, they hide. What both in rooms win back,
{both.mean() - in_room.mean():.2f}, is the channel's part by this way of counting.
"""
display(Markdown(text))
''')
md('''
## Does it help to treat all clips alike?

First give **band and noise to all**, to recordings, clean clips and clips in rooms alike: silence cut off, the band of a telephone, noise of a random colour, the same level. (How much noise was set in the same trials.) Then **room, band and noise to all**: every clip first stands in another room, those in rooms as well. What is judged is the fall of the AUC between clean clips and the same in rooms: is it below 0.1?
''')
code('''
show_source(spoofing.matched)
''')
code('''
falls, areas = {"as found": plain - in_room}, {"as found": (plain, in_room)}
for name, with_room in ethics.TREATMENTS.items():
    x, y, z = (ethics.described(ethics.made_alike(g, with_room)) for g in (people, clean, roomy))
    areas[name] = ethics.held_out(x, y, y, z)[:, :, 0]
    falls[name] = areas[name][0] - areas[name][1]
fig, ax = plots.dots(falls, names, xlabel="fall of the AUC when synthetic clips come from rooms")
ax.axvline(0.1, color="black", linestyle=":", linewidth=1.2)
plots.show(
    fig,
    alt="For each held-out speaker or group of voices how much the area under the curve falls in "
    "rooms: as found, with band and noise for all, and with a room for all as well.",
)
for name, (there, gone) in areas.items():
    print(f"{name}: AUC {there.mean():.2f}, in rooms {gone.mean():.2f}")
''')
code('''
band = verdict(
    "8.7-band",
    claim="With band and noise for all, rooms cost less than 0.1 of the AUC.",
    values=dict(zip(names, falls["band and noise for all"], strict=True)),
    threshold=0.1,
    direction="less",
    unit=unit,
    metric="fall of the AUC, of 1",
    comparison="clean clips − the same in rooms and noise",
    afterwards="the claim",
    source=clips.source,
)
''')
code('''
alike = verdict(
    "8.7-alike",
    claim="With a room as well for all, rooms cost less than 0.1 of the AUC.",
    values=dict(zip(names, falls["room, band and noise for all"], strict=True)),
    threshold=0.1,
    direction="less",
    unit=unit,
    metric="fall of the AUC, of 1",
    comparison="clean clips − the same in rooms and noise",
    afterwards="the claim",
    source=clips.source,
)
for name in ethics.TREATMENTS:
    filed = list(ethics.lost_in_rooms(record, f"clean voices, {name}").values())
    low, high = interval(filed)
    print(f"on file, {name}: {np.mean(filed):.3f} [{low:.3f}, {high:.3f}]")
''')
md('''
A telephone band and noise do not take a room's tail away, so nothing promised that they would do. A room in every clip leaves less of the difference, and less of the detector too: compare the areas. A microphone's colour passes through all of it. With two sets of different origin nobody can rule the channel out. The clean way is to make the fakes *from the recordings themselves*.

## Does it know a synthesiser that it has never met?

Take a recording apart and let a synthesiser say it again: same person, same microphone, same room, same silence. Two synthesisers of this book: **phases**, which keeps 64 mel bands and finds phases by Griffin–Lim ([2.3](../2-concepts/3-features.ipynb)), and **pulses**, which sends pulses and noise through filters of linear prediction ([6.5](../6-applications/5-giving-voice.ipynb)). A detector learns from one and meets the other. On deepfakes collected from the internet, from other channels as well as other synthesisers, published detectors did far worse than at home ("performance degradation of up to one thousand percent", say those who rebuilt them, of error rates {cite:p}`muller2022does`), and recent challenges deal out the synthesisers so that those of the test are new {cite:p}`wang2025asvspoof`.

The claim: on copies by the other synthesiser the AUC is lower by more than 0.1, the mean of both directions, phases to pulses and back. (First trials had met both directions; to judge one of them would be to choose the result.)
''')
code('''
FEW = 12
few = [group[:FEW] for group in people]
phases = [[spoofing.copy_by_phases(x) for x in group] for group in few]
pulses = [[spoofing.copy_by_pulses(x) for x in group] for group in few]
three = [few[0][0], phases[0][0], pulses[0][0]]
compare(three, 8000, ["as it was", "phases", "pulses"], "a clip and copies", credit=clips.credit)
''')
code('''
b, p, q = map(ethics.described, (few, phases, pulses))
by_phases, by_pulses = (ethics.held_out(b, x, p, q)[:, :, 0].mean(axis=1) for x in (p, q))
for i, (name, knew, met) in enumerate(
    (("phases", by_phases, by_pulses), ("pulses", by_pulses, by_phases))
):
    print(f"copies by {name}: AUC {knew[i]:.2f} if learnt, {met[i]:.2f} if the other was learnt")
''')
md('''
These are a few clips of this page's data. On file there are more, from recordings of people. Compare within the copies that are judged, since one kind may be easier to find than the other; averaged over both directions that difficulty cancels. The last rows show what detectors of copies make of clean synthetic voices. These have nothing of what copying leaves behind, which is all that those detectors learnt to hear; an area below 0.5 (and an error above one half) means that the voices look *more* genuine than people do:
''')
code('''
display(Markdown(ethics.detector_table(record)))
''')
code('''
unseen = verdict(
    "8.7-unseen",
    claim="A detector that learnt from one synthesiser misses another.",
    differences=ethics.lost_on_the_unseen(record),
    unit="speaker",
    metric="AUC, of 1",
    comparison="the synthesiser it learnt from − the other, mean of both directions",
    smallest_effect=0.1,
    afterwards="the limit and the detector",
    source="fsdd",
)
fig, ax = plots.forest(unseen)
plots.show(
    fig,
    alt="For each held-out speaker how much higher the area under the curve is on the "
    "synthesiser that was learnt, with the mean, its interval and the smallest effect.",
)
''')
md('''
Read the interval, not only the word: one that lies above zero but reaches across the limit shows a loss, and leaves open whether it is as large as the limit.

A detector's score is evidence about the sounds it learnt from. It should never be the only evidence against a person.

## Can a mark be heard, and can it be found?

Detection looks for traces that nobody meant to leave. A **watermark** is left on purpose. Ours divides the spectrogram between 300 Hz and 4 kHz, so that neither a telephone nor a rate of 8 kHz takes anything from it, into tiles, two bins wide and eight frames long (31 Hz by 128 ms). A secret key draws a sign $c_i = \\pm 1$ for each tile; its sound is made louder or softer by `1 dB`, by that sign. After 32 tiles in time, 4.1 s, the pattern begins again. Spreading a weak pattern over the *strong* parts of a signal is an old idea {cite:p}`cox1997secure`: what a codec throws away is elsewhere.

The detector compares each tile with its two neighbours in frequency: $r_i$ is by how many dB it is louder than their mean (at most 3; tiles far below the loudest count 0 <!-- constant: watermark.LIMIT_DB -->), later rounds of the pattern added up. Its score is

$$
z = \\frac{\\sum_i r_i c_i}{\\sqrt{\\sum_i r_i^2}} .
$$

If the signs were drawn without regard to the sound, each on its own, then for *every* sound, whatever the $r_i$ are,

$$
\\mathrm{E}[z] = 0, \\qquad \\mathrm{Var}[z] = \\frac{\\sum_i r_i^2 \\, \\mathrm{Var}[c_i]}{\\sum_i r_i^2} = 1,
$$

and the chance that $z$ exceeds some $z_\\text{min}$ is at most $e^{-z_\\text{min}^2/2}$ {cite:p}`hoeffding1963probability`. No assumption about speech is needed: the chance lies in the key. A detector that tries $N_\\text{places}$ places must pay for it. If a false alarm may happen with probability $p_\\text{false}$ in all, then

$$
z_\\text{min} = \\sqrt{2 \\ln (N_\\text{places} / p_\\text{false})} .
$$

Size of the tiles and strength of the mark were chosen on four voices and eight sentences. Sixteen voices of which no trial had marked any are judged below, with other sentences and another key.
''')
code('''
show_source(watermark.embed, watermark.score, watermark.threshold)
''')
code('''
marked = ethics.marked_voices(2)
key = ethics.KEY
with_mark = {name: watermark.embed(x, 16000, key) for name, x in marked.items()}
first = next(iter(marked))
compare(
    [marked[first], with_mark[first]],
    16000,
    ["without", "with the mark"],
    "can you hear it?",
    credit="Spoken by eSpeak NG",
    encoding="compact",
)
''')
md('''
Here a model of masking stands in for ears. Is the mark's error below the *masking threshold*, the power that the speech itself hides in each frame and band ([2.1](../2-concepts/1-digital-audio.ipynb))? Written down beforehand: their ratio, averaged over bands and then in dB over frames, is below `0 dB`, over sixteen voices. Such an average allows for cells above the threshold, so they are counted too. For comparison the same measure of an MP3 at 64 kbit/s.
''')
code('''
rows = record["runs"]["mark"]["voices"]
hidden = verdict(
    "8.7-hidden",
    claim="On average over frames the mark's error lies below what the speech hides.",
    values={name: row["mask"] for name, row in rows.items()},
    threshold=0.0,
    direction="less",
    unit="voice",
    metric="error against the masking threshold, dB",
    comparison="marked − unmarked",
    afterwards="the wording",
    source="builtin",
)
above = 100 * np.mean([row["above the mask"] for row in rows.values()])
print(f"cells of frame and band in which it is above: {above:.0f} %")
print(f"MP3, 64 kbit/s: {np.mean([row['mask of MP3'] for row in rows.values()]):+.1f} dB")
''')
md('''
Now the promise that everything rests on. A thousand *wrong* keys are tried on unmarked speech, at one place. The bound holds for every sound; the normal distribution, which such sums come close to, is stricter and says that one in a hundred exceeds 2.326. Written down beforehand: between half and one and a half per hundred. First one voice, computed here, then all sixteen, on file.
''')
code('''
compared = watermark.levels(marked[first], 16000)
chance = np.array([watermark.score(compared, watermark.signs(k)) for k in range(1000)])
above = np.sum(chance > 2.3263)
print(f"{first}: mean {chance.mean():+.2f}, deviation {chance.std():.2f}, {above} above 2.326")
null = verdict(
    "8.7-null",
    claim="Wrong keys exceed 2.326 as often as the normal distribution says.",
    values={name: 100 * row["alarms"] for name, row in rows.items()},
    threshold=1.0,
    smallest_effect=0.5,
    direction="equivalent",
    unit="voice",
    metric="false alarms, per hundred keys",
    comparison="wrong keys above 2.326",
    afterwards="the wording",
    source="builtin",
)
''')
md('''
What does the bound cost, which needs no distribution?
''')
code('''
line = watermark.threshold(places=watermark.PLACES)
normal = float(norm.isf(watermark.FALSE_ALARM / watermark.PLACES))
highest = max(row["highest of wrong keys"] for row in rows.values())
strict, of_all = ethics.marks_found(record, "nothing")
text = f"""
At 2.326 the bound allows {100 * np.exp(-(2.3263**2) / 2):.1f} false alarms per hundred, not one.
For one in a million over all {watermark.PLACES} places it asks for {line:.2f}, the normal
distribution for {normal:.2f}: with the first the untreated mark is found in {strict} of {of_all}
voices, with the second in {ethics.marks_found(record, "nothing", normal)[0]}. The highest that
{ethics.SOUGHT_KEYS} wrong keys reached in any voice, over all places, is {highest:.2f}.
"""
display(Markdown(text))
''')
md('''
And with the right key? Here are two voices, each treated in three ways; `ethics.ATTACKS` has more names to put into the list.
''')
code('''
for attack in ("nothing", "Opus, 16 kbit/s", "1 % faster"):
    for i, (name, sound) in enumerate(with_mark.items()):
        x = ethics.ATTACKS[attack](sound, np.random.default_rng(i))
        found = watermark.detect(x, 16000, key)
        print(f"{attack:16s} {name:20s} score {found.z:5.1f}, marked: {found.marked}")
''')
md('''
Sixteen voices, from the file. A mark that is weak in its tiles gains about with the root of the length of *one* sound; what a voice does to its tiles matters more, as the last sentence below the table says.
''')
code('''
display(Markdown(ethics.mark_table(record)))
''')
code('''
found = {name: ethics.marks_found(record, name)[0] for name in ethics.ATTACKS}
plain_z, cut_z, coded_z = (
    np.array(list(ethics.mark_scores(record, name).values()))
    for name in ("nothing", "first 0.3 s cut off", "Opus, 16 kbit/s")
)
alarms = sum(row["not marked"] > line for row in rows.values())
lengths = np.corrcoef([row["seconds"] for row in rows.values()], plain_z)[0, 1]
text = f"""
**Untreated, the mark is missed in {len(rows) - found["nothing"]} of {len(rows)} voices**;
{alarms} unmarked ones were called marked. Opus at 16 kbit/s leaves {found["Opus, 16 kbit/s"]}
(mean score {coded_z.mean():.2f}), a hundredth of speed {found["1 % faster"]}, speaking anew from
80 mel bands {found["spoken anew from 80 bands"]}. Cutting off the beginning finds
{found["first 0.3 s cut off"] - found["nothing"]:+d}: chance at the threshold, for the mean changes
by {cut_z.mean() - plain_z.mean():+.1f}. Between voices, length and score correlate by
{lengths:+.2f}.
"""
display(Markdown(text))
''')
md('''
Two of these rows were claims, written down beforehand: that the *mean* score is above the threshold after Opus, and also when the sound is played one hundredth faster. For a detector that is a weak claim; in how many voices the mark is found, with its interval, is what anybody would ask, and stands in the table.
''')
code('''
threshold = round(line, 2)
opus = verdict(
    "8.7-opus",
    claim="After Opus at 16 kbit/s the mark's mean score is above the threshold.",
    values=ethics.mark_scores(record, "Opus, 16 kbit/s"),
    threshold=threshold,
    unit="voice",
    metric="score, standard deviations",
    comparison="the mark after coding",
    source="builtin",
)
''')
code('''
faster = verdict(
    "8.7-speed",
    claim="Played one hundredth faster, the mark's mean score is above the threshold.",
    values=ethics.mark_scores(record, "1 % faster"),
    threshold=threshold,
    unit="voice",
    metric="score, standard deviations",
    comparison="the mark at another speed",
    source="builtin",
)
''')
md('''
What no mark can do, better ones included:

- **It binds only those who use it.** Speech without a mark proves nothing.
- **It can be forged.** Whoever has the key can mark a recording of a person, and so discredit it. The cell below does. (The key of this page is printed in its code, and has too few digits to withstand trying them all.)
- **It can be removed** by those who try. A benchmark of three published schemes found weaknesses in all of them, removal and forgery {cite:p}`liu2024audiomarkbench`; a survey that rebuilt nine schemes found none that withstood everything it tried {cite:p}`wen2025sok`. Marks that are trained, such as AudioSeal {cite:p}`sanroman2024proactive`, are made for more attacks than ours; it is one of those three.
- **It says who held the key**, not what is true.

The other approach signs the *file*: C2PA's Content Credentials attach a signed statement of where a recording came from and what was changed {cite:p}`c2pa2026`. It cannot be forged without the signer's key. Stripped with the metadata it is lost, unless a watermark or a fingerprint points back to a stored copy, a *soft binding* {cite:p}`c2pa2026soft`. So the two complement each other.
''')
code('''
person = audio.resample(np.concatenate([x for group in people for x in group[:4]]), 8000, 16000)
forged = watermark.embed(person, 16000, key)
for name, x in (("as it is", person), ("with our mark", forged)):
    result = watermark.detect(x, 16000, key)
    print(f"digits of this page, {name}: score {result.z:.1f}, marked: {result.marked}")
''')
md('''
## Whose voice is it: consent and cloning

**European Union.** The General Data Protection Regulation covers any recording from which a person can be identified. It calls *biometric* such personal data as result from "specific technical processing" of physical, physiological or behavioural characteristics and allow or confirm unique identification (Article 4(14)); processing them *to identify* a person is forbidden by Article 9 unless one of its exceptions applies, such as explicit consent {cite:p}`gdpr2016`. So a digit recogniser and a voice lock differ in law, though both listen to voices. The data protection authorities' guidelines on voice assistants (draft of March, version 2.0 of 7 July 2021) treat a voiceprint for identification as such data; the draft, in a summary, also takes running a service and improving it for two different purposes {cite:p}`edpb2021guidelines`.

**Illinois.** A *voiceprint* is a biometric identifier. A private entity must publish a policy with a schedule for deletion, say in writing what it collects, why and for how long, and have a written release first; it may not sell such data {cite:p}`bipa2008`. Since the amendment of August 2024 a release may be signed electronically, and collecting the same identifier from the same person in the same way several times counts as one violation.

**Tennessee.** Since 1 July 2024 a person has a property right in their *voice*, actual or simulated; whoever makes a person's voice available to the public, knowing that its use was not authorised, may be liable, and so may whoever makes a tool available whose primary purpose is producing a particular person's voice without authorisation {cite:p}`elvis2024`. (Summaries differ on whether the tool's maker must know.)

**United States, calls.** On 8 February 2024 the Federal Communications Commission published its ruling that an AI-generated voice is an "artificial voice" under the law on automatic calls: such calls need the prior express consent of the person called, emergencies and exemptions aside {cite:p}`fcc2024declaratory`. In September 2024 it fined the man behind calls in a cloned voice of the President six million dollars; that decision rests on the law against false caller identification {cite:p}`fcc2024kramer`.

**China.** The provisions on deep synthesis, in force since 10 January 2023, ask providers of functions that edit faces or voices, and those who support them technically, to have their users inform the person concerned and obtain separate consent (Article 14), and to mark synthetic voices conspicuously where they might mislead (Article 17) {cite:p}`cac2022deep`. The labelling measures, in force since 1 September 2025, ask for an *explicit* label that a listener notices and an *implicit* one in the file's metadata {cite:p}`cac2025labelling`.

## Who must say that it is synthetic: the AI Act

Article 50 of the European Union's AI Act {cite:p}`euaiact2024` asks for transparency; what can concern sound:

| who | duty | paragraph |
|---|---|---|
| the provider of a system that talks with people | that they are told it is a machine, unless that is obvious | 50(1) |
| the provider of a system that makes synthetic audio, images, video or text | that its output is marked in a machine-readable way and detectable as artificial, by means that are effective, interoperable, robust and reliable as far as that is technically feasible; assistance with standard editing is excepted | 50(2) |
| whoever deploys a system that recognises emotions, or sorts people by biometric data | to tell those who are exposed to it (inferring emotions at work and in schools is forbidden, medical and safety reasons aside: Article 5) | 50(3) |
| whoever deploys a system that makes a deep fake | to disclose it; for evident art and satire in a way that does not hamper the work | 50(4) |

**When.** All of Article 50 applies since 2 August 2026, the date that the Act set, with one exception that has a date of its own. An amending regulation, (EU) 2026/1744, the "Digital Omnibus on AI", was published on 24 July 2026 and has been in force since 27 July. It moved the dates of the rules for *high-risk* systems and left those of Article 50; but its new Article 111(4) gave providers of systems that were on the market before 2 August 2026 until **2 December 2026** for the marking duty of 50(2) {cite:p}`euomnibus2026`. From that day on the old systems owe what new ones do. Pages from before July 2026 give other dates; number and dates stand here as texts of August to October 2026 give them, since the Official Journal itself could not be read for this page. Laws change: look it up before you rely on it.

**How.** A code of practice, published by the Commission on 10 June 2026 and voluntary, says how 50(2) may be met: at least two layers, signed metadata *and* an imperceptible watermark; detection offered to everybody, free of charge at least for authorities and fact-checkers, and interoperable by 2 February 2027. Deployers label a deep fake that is only heard by a spoken notice at its start {cite:p}`eucode2026`.

Would our watermark do? By its own numbers, hardly. *Effective* and *reliable*: the table counts the voices in which it is missed though nothing was done to them. *Robust*: the same table. *Interoperable*: only if whoever holds the key offers to look. And it is one layer of two. That is our reading of a text, not a measurement.

## Whose data, whose weights: licences

| what | licence | what it asks |
|---|---|---|
| the spoken digits (FSDD) {cite:p}`fsdd` | CC BY-SA 4.0 | credit; adaptations under the same or a compatible licence |
| sounds (ESC-10) {cite:p}`piczak2015esc` | CC BY 3.0 as a set, each clip its own | credit |
| coffee orders {cite:p}`picovoice2020orders`, wake words {cite:p}`picovoice2018wake` | Apache 2.0 | keep the notices |
| eSpeak NG {cite:p}`espeakng` | GPL 3 or later {cite:p}`gpl2007`, of the *program* | source with copies of the program; output is covered only if its content makes it a covered work (section 2), which speech, as we read it, is not |
| Bach's notes | public domain | nothing; a *recording* has rights of its own |
| Common Voice {cite:p}`ardila2019common` | CC0 | nothing under copyright; the speakers' personal rights remain |

**Does share-alike reach the weights?** If a network is trained on CC BY-SA recordings, is it an adaptation of them? As of November 2026 no answer holds everywhere. Creative Commons says that it depends on the jurisdiction and on exceptions such as those for text and data mining; its cautious guidance is to share a model publicly under the same licence if it is based on share-alike material, and calls this likely *over*-compliance {cite:p}`cc2025using`. This book publishes no weights trained on FSDD; it gives the code that trains them.

**Weights have licences of their own**, often other than the code's:

| weights | licence | so |
|---|---|---|
| Whisper {cite:p}`whisper2022` | MIT, code and weights | any use, with the notice |
| MusicGen {cite:p}`audiocraft2023` | code MIT, weights CC BY-NC 4.0 | no commercial use of the weights |
| XTTS {cite:p}`coqui2023` | Coqui Public Model License | non-commercial, and it says so of the *outputs* too |
| OpenRAIL family {cite:p}`openrail2022` | free to use and share, but for a list of forbidden uses | the list travels with every derivative |

A licence settles copyright. It does not settle consent: a speaker who gave a voice for a recogniser has not thereby agreed to be cloned. A **datasheet** {cite:p}`gebru2018datasheets` asks the questions while they can still be answered: who spoke, what were they told, can they withdraw, what must the data not be used for? And a **model card** {cite:p}`mitchell2018model` says what a trained model is for, and how well it does *by group*. Here is one for the recogniser of [5.2](../5-project/2-sound-recogniser.ipynb); each number comes from its results file.
''')
code('''
display(Markdown(ethics.model_card()))
''')
md('''
Read what stands under *Factors*: the card's most useful line says who was not there.

**Before you record:** What is the purpose, in a sentence that the speaker understands? Is consent in writing, for this purpose, with a way to withdraw? Do you need names at all? When will it be deleted?

**Before you train:** Does every licence allow it, and the combination? Which groups are in the test set, and how many speakers of each? What is the lowest number that you would accept for any of them?

**Before you release:** Model card with results by group? Licence of the weights compatible with what went in? If it speaks: is its output marked, what does the mark withstand, who holds the key? Who answers when somebody is harmed?

## Summary
''')
code('''
summary(f"""
Recognisers that learnt from one built-in accent made other errors on {neglected} than at home, by
{gap.measured()} ({gap.outcome}); a quarter of the training in that accent lowered them by
{better.measured()} ({better.outcome}), which shows the method and says nothing of people. A
detector's AUC fell by {channel.measured()} ({channel.outcome}) when the same synthetic clips came
from rooms; on people's own clips a room alone gave {room.measured()} ({room.outcome}), and with
band and noise for all the fall was {band.measured()} (below the limit: {band.outcome}). Copies by
a synthesiser that it had not met cost {unseen.measured()} ({unseen.outcome}). The mark's error
stood at {hidden.measured()}, against what the speech hides ({hidden.outcome}), and wrong keys
above 2.326 came to {null.measured()} ({null.outcome}). Untreated, the mark was found in
{found["nothing"]} of {len(rows)} voices; mean scores, above a threshold of {line:.2f}: after Opus
{opus.measured()} ({opus.outcome}), one hundredth faster {faster.measured()} ({faster.outcome}).
""")
''')
md('''
## Exercises

Replace the `...` and run the cell. A wrong answer gets advice; hints and solutions are folded.

### Exercise 8.7.1 · A gap with its interval

Given the errors of the same voices on two accents, two arrays `(n,)`, give back the mean gap, worst minus home, and Student's interval at the usual level of 0.95 over the voices: `(mean, low, high)`. (`interval`, imported above, does the second half; here it is to be written out.)
''')
code('''
def answer_8_7_1(worst, home):
    return ...


check("8.7.1", answer_8_7_1)
hint("8.7.1")
solution("8.7.1")
''')
md('''
### Exercise 8.7.2 · The area by counting

Compute the AUC from the scores of genuine and synthetic clips, arrays `(n,)` and `(m,)`, by comparing all pairs.
''')
code('''
def answer_8_7_2(genuine, synthetic):
    return ...


check("8.7.2", answer_8_7_2)
hint("8.7.2")
solution("8.7.2")
''')
md('''
### Exercise 8.7.3 · How many places may be tried?

A detector raises an alarm above the score `line`. How many places may it try, if the chance of a false alarm is to be at most `false_alarm` in all? Do not round.
''')
code('''
def answer_8_7_3(line, false_alarm):
    return ...


check("8.7.3", answer_8_7_3)
hint("8.7.3")
solution("8.7.3")
''')
md('''
### Exercise 8.7.4 · May this mix be published?

A mix of recordings is an adaptation of each. `parts` lists the licences of its parts, out of `"CC0"`, `"CC BY"`, `"CC BY-SA"` and `"CC BY-NC"`. May the mix be published under `licence`, one of these four? (All credits are given. Only these four licences: leave versions and compatible licences aside.)
''')
code('''
def answer_8_7_4(parts, licence):
    return ...


check("8.7.4", answer_8_7_4)
hint("8.7.4")
solution("8.7.4")
''')
md('''
### Exercise 8.7.5 · Project: find it at any speed

Find the mark of `key` in `samples` at 16 kHz although the sound may have been played up to two hundredths faster or slower. Give back your best score and the threshold that pays for your search. (You may assume that the sound begins where it began when it was marked: `watermark.detect(…, aligned=True)`.)
''')
code('''
def answer_8_7_5(samples, key):
    return ...


check("8.7.5", answer_8_7_5)
hint("8.7.5")
solution("8.7.5")
''')
md('''
## Further reading

- {cite:t}`koenecke2020racial`: the audit that many later ones follow, with matched speakers and matched phrases.
- {cite:t}`li2024reexamining`: how differences between recordings enter such an audit.
- {cite:t}`muller2021speech`: silence as a shortcut, in the benchmark that everybody used.
- {cite:t}`liu2024audiomarkbench`: removal and forgery of audio watermarks, measured.
- {cite:t}`mitchell2018model`: model cards, with two that are filled in.
- {cite:t}`gebru2018datasheets`: the questions that a data set should answer.
''')

nb = nbformat.v4.new_notebook()
nb.metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
for i, (kind, s, tags) in enumerate(C):
    cell = nbformat.v4.new_markdown_cell(s) if kind == "markdown" else nbformat.v4.new_code_cell(s)
    cell.id = f"ethic-{i:03d}"
    if tags: cell.metadata["tags"] = tags
    nb.cells.append(cell)
nbformat.write(nb, os.path.join(os.path.dirname(__file__), "..", "notebooks/8-outlook/7-ethics.ipynb"))
