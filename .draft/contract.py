import importlib.util, pathlib, re, sys
root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root))
spec = importlib.util.spec_from_file_location("ts", root / "tests/notebooks/test_structure.py")
ts = importlib.util.module_from_spec(spec); spec.loader.exec_module(ts)
import nbformat
nb = nbformat.read(root / "notebooks/8-outlook/6-beyond-one-machine.ipynb", as_version=4)
from helpers import exercises
reg = [e.id for e in exercises.of_chapter("8.6")]
print(*ts.faults(nb, "8.6", reg), sep="\n")
text = "\n".join(c.source for c in nb.cells)
cited = {k.strip() for keys in ts.CITED.findall(text) for k in keys.split(",")}
known = set(re.findall(r"@\w+\{([^,\s]+),", (root / "book/references.bib").read_text("utf-8")))
print("unknown", cited - known)
for path in ("helpers/distributed.py", "helpers/experiments/cluster.py"):
    print(set(re.findall(r"\[([a-z]+\d{4}[a-z]*)\]", (root / path).read_text())) - known)
print(len(text.split()))
