"""Exercises against their contract, and the tests of the record: light, without pytest."""
import pathlib, sys
root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root))
import importlib.util
def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m); return m
if sys.argv[1] == "exercises":
    te = load(root / "tests/helpers/test_exercises.py")
    from helpers import exercises
    for e in exercises.of_chapter("8.6"):
        print(e.id, te.faults(e))
else:
    tc = load(root / "tests/helpers/test_cluster.py")
    tc.test_seconds_are_medians_and_doublings_their_ratios()
    tc.test_links_and_forecasts_are_found_again()
    tc.test_clips_that_differ_or_are_missing_are_counted()
    tc.test_numbers_that_differ_are_counted_bit_by_bit()
    td = load(root / "tests/helpers/test_distributed.py")
    for n in ("test_pieces_cover_all_clips_once", "test_the_number_of_parameters_by_hand", "test_average_by_hand",
              "test_a_vector_of_another_length_is_refused", "test_serial_fraction_inverts_amdahl", "test_steps_by_hand",
              "test_a_line_is_found_again", "test_batch_normalisation_sees_another_batch"):
        getattr(td, n)()
    for net in td.NETWORKS: td.test_gradients_are_those_of_the_loss(net)
    for norm in ("none", "clip"): td.test_shards_average_to_the_whole_batch(norm)
    print("ok")
