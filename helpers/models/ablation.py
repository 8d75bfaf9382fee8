"""What each augmentation buys: the programme of chapter 8.5, whole and without its parts."""

from dataclasses import replace

from helpers.models.augmentation import NONE, Augmentation

FULL = Augmentation(
    stretch=(0.85, 1.18),
    shift=(0.85, 1.18),
    wobble=0.0,
    echo=0.5,
    colour_db=5.0,
    sway_db=5.0,
    snr_db=(8.0, 50.0),
    mask_frames=10,
    mask_bands=5,
)
"""All seven changes, each gentle enough to be borne with the others. Chapter: 8.5"""

PARTS = {
    "stretch": ("stretch",),
    "shift": ("shift",),
    "colour": ("colour_db",),
    "sway": ("sway_db",),
    "noise": ("snr_db",),
    "masks": ("mask_frames", "mask_bands"),
    "echo": ("echo",),
}
"""{part: its settings in an `Augmentation`}. Chapter: 8.5"""

OWN = {
    "stretch": "fast",
    "shift": "fast",
    "colour": "telephone",
    "sway": "fading",
    "noise": "noise 10 dB",
    "masks": "holes",
    "echo": "room",
}
"""{part: the condition of `helpers.shifts` that it resembles}, decided beforehand. Chapter: 8.5"""

BATCH = 32
LEARNING_RATE = 6e-3
"""Small batches and large steps: with all seven changes there is much to learn in few steps."""

VARIANTS = (
    "none",
    "all",
    *(f"all but {part}" for part in PARTS),
    *(f"only {part}" for part in PARTS),
)
"""The programmes that are compared. Chapter: 8.5"""


def programme(variant, full=FULL):
    """The `Augmentation` of one of `VARIANTS`. Raises ValueError for another name. Chapter: 8.5"""
    if variant not in VARIANTS:
        raise ValueError(f"variant is {variant!r}; it must be one of {', '.join(VARIANTS)}")
    if variant in ("none", "all"):
        return full if variant == "all" else NONE
    kind, _, part = variant.rpartition(" ")
    start, end = (full, NONE) if kind == "all but" else (NONE, full)
    return replace(start, **{name: getattr(end, name) for name in PARTS[part]})
