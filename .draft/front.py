"""Index and glossary entries of 8.4 (idempotent)."""
from pathlib import Path
import re
TERMS = {
 "attribution": ["8.4 Three ways to ask", "8.4 Do the attributions add up?"],
 "baseline of an attribution": "8.4 Do the attributions add up?",
 "completeness": "8.4 Do the attributions add up?",
 "control task": "8.4 What do the layers still know of the pitch?",
 "deletion curve": "8.4 Is what the map names what the answer rests on?",
 "explanation of an answer": ["8.4 A picture that explains, and a doubt", "8.4 What this cannot tell"],
 "Grad-CAM": ["8.4 Three ways to ask", "8.4 Does a map find what is really there?"],
 "insertion curve": "8.4 Is what the map names what the answer rests on?",
 "integrated gradients": ["8.4 Three ways to ask", "8.4 Do the attributions add up?"],
 "planted cue": "8.4 Does a map find what is really there?",
 "random weights, test with": "8.4 Does the map survive a network that knows nothing?",
 "remove and retrain": "8.4 Is what the map names what the answer rests on?",
 "saliency map": "8.4 A picture that explains, and a doubt",
 "sanity check of a map": "see random weights, test with",
}
MORE = {"linear probe": "8.4 What do the layers still know of the pitch?", "occlusion": "8.4 Three ways to ask"}
PEOPLE = {
 "Adebayo, Julius": "8.4 Does the map survive a network that knows nothing?",
 "Hewitt, John": "8.4 What do the layers still know of the pitch?",
 "Hooker, Sara": "8.4 Is what the map names what the answer rests on?",
 "Selvaraju, Ramprasaath R.": "8.4 Three ways to ask",
 "Sundararajan, Mukund": "8.4 Three ways to ask",
}
MORE_PEOPLE = {"Zeiler, Matthew D.": "8.4 Three ways to ask", "Samek, Wojciech": "8.4 Is what the map names what the answer rests on?",
 "Petsiuk, Vitali": "8.4 Is what the map names what the answer rests on?", "Alain, Guillaume": "8.4 What do the layers still know of the pitch?",
 "Becker, Sören": "8.4 Further reading"}
p = Path("book/index-terms.yml"); t = p.read_text()
def line(k, v):
    return f'"{k}": "{v}"\n' if isinstance(v, str) else f'"{k}":\n' + "".join(f'  - "{x}"\n' for x in v)
mark = "# --- people, where their work is cited ---"
new = "".join(line(k, v) for k, v in TERMS.items() if f'"{k}":' not in t)
if new: t = t.replace(mark, new + "\n" + mark)
t = t.rstrip("\n") + "\n" + "".join(line(k, v) for k, v in PEOPLE.items() if f'"{k}":' not in t)
for k, v in {**MORE, **MORE_PEOPLE}.items():
    m = re.search(rf'^"{re.escape(k)}":(.*)\n((?:  - .*\n)*)', t, re.M)
    assert m, k
    if v in m[0]: continue
    old = re.findall(r'"([^"]+)"', m[1] + m[2])
    t = t.replace(m[0], line(k, [*old, v]))
p.write_text(t)
G = {
 "baseline of an attribution": ("归因基线", "The input that stands for nothing, against which an attribution is reckoned."),
 "control task": ("对照任务", "A task with random labels, which a probe can only learn by heart."),
 "Grad-CAM": ("梯度加权类激活映射", "A map of where the channels of a layer that raise a class's score are active."),
 "integrated gradients": ("积分梯度", "Attributions by the mean gradient on the way from a baseline, which add up to the rise of the score."),
 "linear probe": ("线性探针", "A linear reader fitted on a layer's output, to see what can be read there."),
 "occlusion": ("遮挡法", "Hiding parts of an input to see how far the score falls."),
 "saliency map": ("显著图", "A picture of how much each part of an input matters for an answer."),
}
p = Path("book/glossary.md"); t = p.read_text()
for term, (zh, text) in G.items():
    if re.search(rf"^{re.escape(term)}$", t, re.M): continue
    ch = "4.1" if term in ("occlusion", "linear probe") else "8.4"
    entry = f"{term}\n  {{zh}}`{zh}`. {text} {{chapter}}`{ch}`\n"
    letter = term[0].upper()
    m = re.search(rf"## {letter}\n\n```{{glossary}}\n(.*?)```", t, re.S)
    assert m, letter
    items = re.findall(r"(?:^|\n)(\S.*\n(?:  .*\n)+)", m[1])
    assert "\n".join(items) == m[1], (letter,)
    items.append(entry)
    items.sort(key=lambda x: x.split("\n")[0].lower())
    old = m[1]
    t = t.replace(old, "\n".join(items))
p.write_text(t)
