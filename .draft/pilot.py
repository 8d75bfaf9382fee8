"""One or two short runs of the experiment, on whatever core: for function, not for times."""
import sys
import time

if __name__ == "__main__":
    from helpers.datasets import load_digits
    from helpers.experiments import cluster as lab
    from helpers.experiments._record import load_results, provenance, write_results

    clips = load_digits(quiet=True)
    lab.CLIPS = 200
    lab.measure_training.__defaults__ = (lab.NETWORKS, 1, 3)
    lab.measure_features.__defaults__ = (1, lab.PIECES)
    record = load_results("cluster", lab.__doc__)
    for k in range(int(sys.argv[1])):
        t = time.time()
        record["runs"][f"run {k + 1}"] = {**lab.run(clips, k), "settings": "pilot", **provenance()}
        write_results(record, "cluster")
        r = record["runs"][f"run {k + 1}"]
        print(k, round(time.time() - t, 1), r["worker_mb"], r["features"], r["faults"], flush=True)
        for name, row in r["training"].items():
            print("  ", name, {w: round(1000 * v[0], 1) for w, v in row.items()})
        print("  ", {n: round(1000 * sorted(v)[4], 2) for n, v in r["messages"].items()})
