"""What the builders of networks refuse."""


def check_dropout(dropout):
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; it must be at least 0 and below 1")


def check_stack(frames, stack):
    if frames % stack:
        raise ValueError(f"{frames} frames can't be stacked by {stack}: give a multiple of {stack}")
