"""Tokens, moves and contexts of four voices."""

import numpy as np
import pytest

from helpers import parts
from helpers.errors import ShapeError
from tests.helpers.some_pieces import any_piece

PIECE = np.array(
    [[72, 67, 64, 48], [72, 67, 64, 48], [74, 67, -1, 50], [74, 65, -1, 50], [76, 67, 60, 48]]
)


def test_tokens_by_hand():
    line = parts.tokens(PIECE)
    assert line.shape == (20,)
    low = parts.LOWEST - 1
    assert line[:4].tolist() == [72 - low, 48 - low, 67 - low, 64 - low]
    assert line[8:12].tolist() == [74 - low, 50 - low, 67 - low, 0]


def test_moves_by_hand():
    moves = parts.moves(PIECE)
    assert (moves[0] - parts.REACH).tolist() == [3, 3, 7, -2]
    assert moves[1].tolist() == [parts.HOLD] * 4
    assert moves[2].tolist() == [parts.HOLD + 2, parts.HOLD, parts.SILENCE, parts.HOLD + 2]
    assert moves[4, 2] == parts.HOLD - 4  # from the 64 that was sung last
    assert parts.references(PIECE)[4].tolist() == [74, 65, 64, 50]


@pytest.mark.parametrize("seed", range(3))
def test_tokens_and_moves_can_be_undone(seed):
    piece = any_piece(seed=seed)
    assert np.array_equal(parts.from_tokens(parts.tokens(piece)), piece)
    assert np.array_equal(parts.from_moves(parts.moves(piece)), piece)


def test_moves_are_the_same_in_every_key():
    piece = any_piece()
    other = np.where(piece < 0, piece, piece + 3)
    assert np.array_equal(parts.moves(piece)[1:], parts.moves(other)[1:])


@pytest.mark.parametrize("wrong", [np.zeros((3, 3), int), np.zeros(4, int), np.zeros((0, 4), int)])
def test_other_shapes_are_refused(wrong):
    with pytest.raises(ShapeError):
        parts.tokens(wrong)


def test_pitches_without_a_token_are_refused():
    with pytest.raises(ValueError, match="28 to 92"):
        parts.tokens(np.full((2, 4), 20))
    with pytest.raises(ValueError, match="whole"):
        parts.tokens(np.full((2, 4), 60.0))
    with pytest.raises(ValueError, match="leaps"):
        parts.moves(np.array([[69, 64, 57, 50], [69, 64, 57, 91]]))
    with pytest.raises(ValueError, match="token"):
        parts.from_tokens([parts.TOKENS, 0, 0, 0])
    with pytest.raises(ShapeError):
        parts.from_tokens([0, 0, 0])
    with pytest.raises(ValueError, match="move"):
        parts.from_moves([[0, 0, 0, parts.MOVES]])


def test_the_past_by_hand():
    past = parts.Past(parts.windows(PIECE))
    assert past.last[0].tolist() == list(parts.START)
    assert past.held[:, 0].tolist() == [0, 1, 2, 1, 2]
    assert past.last[4].tolist() == [74, 65, 64, 50]
    assert past.quiet[4].tolist() == [False, False, True, False]
    assert past.note[1][4].tolist() == [72, 67, 64, 48]
    assert past.length[1][4].tolist() == [2, 3, 2, 2]
    assert past.note[2][4].tolist() == [parts.BEFORE] * 4
    assert past.still[4] == 1


def test_a_long_chord_is_remembered():
    piece = np.tile([72, 67, 64, 48], (12, 1))
    piece[8:10, 0], piece[10:, 0] = 74, 76
    past = parts.Past(parts.windows(piece))
    assert past.rested[6:].tolist() == [0, 0, 0, 1, 2, 3]


def test_a_context_does_not_see_what_is_to_be_written():
    piece = any_piece()
    seen = parts.windows(piece)
    for k, voice in enumerate(parts.WRITTEN):
        hidden = seen.copy()
        hidden[:, -1, parts.WRITTEN[k:]] = 47
        rows = [parts.one_hot(parts.contexts(w, np.arange(90), voice)) for w in (seen, hidden)]
        assert np.array_equal(*rows)


def test_a_context_is_the_same_in_every_key():
    piece = any_piece()
    other = np.where(piece < 0, piece, piece + 5)
    for voice in parts.WRITTEN:
        a, b = (parts.contexts(parts.windows(p), np.arange(90), voice) for p in (piece, other))
        for name in set(a) - {"register", "classes"}:
            assert np.array_equal(a[name][30:], b[name][30:]), name
        np.testing.assert_allclose(a["classes"][70:], b["classes"][70:])


def test_contexts_by_hand():
    context = parts.contexts(parts.windows(PIECE), np.arange(5), 1)
    step = {name: values[2] for name, values in context.items()}
    assert step["at"].tolist() == [7, -3, -17]  # soprano written, tenor not, bass written
    assert step["state"].tolist() == [1, 2, 1]
    assert step["move"].tolist() == [2, 99, 2]
    assert step["lasted"].tolist() == [2, 2, 2]
    assert step["lags"][0].tolist() == [5, 0, -3, -19]
    assert step["note1"] == 99 and context["note1"][4] == 2


def test_one_row_has_one_mark_for_each_class():
    context = parts.contexts(parts.windows(any_piece()), np.arange(90), 3)
    rows = parts.one_hot(context)
    assert rows.shape == (90, parts.FEATURES) and rows.dtype == np.uint8
    assert set(rows[:, : -2 * 12 * 3].sum(axis=1)) == {13 + 3 * 8 + len(parts.LAGS) * 4}


def test_cells_are_all_steps_of_all_pieces():
    pieces = [any_piece(40), any_piece(30, 1)]
    context, held = parts.cells(pieces)
    assert held.shape == (70, 4) and len(context) == 4
    assert context[0]["beat"].tolist() == [*(np.arange(40) % 16), *(np.arange(30) % 16)]
    assert np.array_equal(held[40:], parts.moves(pieces[1])[:, parts.WRITTEN])
