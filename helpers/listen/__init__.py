"""Reading components: what a chapter lets its reader hear, compare, try and judge.

    from helpers.listen import player, compare, explorer, Control, State

The markup is complete without a script (every sound has the browser's own controls, every picture
its text); `book/_static/listen.js` turns it into players with a moving playhead, sliders that
switch figure and sound, and the blind listening test. On the site the script is linked once; where
a chapter runs live, each output brings it along. Chapter: 5.1
"""

from helpers.listen.encoding import encode, matched
from helpers.listen.exploring import Control, State, explorer
from helpers.listen.judging import Item, listening_test
from helpers.listen.live import microphone_widget, upload_widget
from helpers.listen.playing import compare, player, players, table_of_players

__all__ = [
    "Control",
    "Item",
    "State",
    "compare",
    "encode",
    "explorer",
    "listening_test",
    "matched",
    "microphone_widget",
    "player",
    "players",
    "table_of_players",
    "upload_widget",
]
