"""The errors that helpers raise, each with a message that says what was wrong and what to do."""


class AudioError(ValueError):
    """Sound, or a request about sound, that cannot be used. Base of what `helpers.audio` raises.

    Catch it to go on with the next file; catch one of its subclasses to treat one fault.

    Chapter: 2.1
    """


class AudioFileMissing(AudioError, FileNotFoundError):
    """There is no file at this path."""


class AudioUnreadable(AudioError):
    """The file is there but is no audio that can be decoded, or may not be opened."""


class AudioTruncated(AudioUnreadable):
    """The file is cut off or damaged: less can be decoded than it promises.

    `present` is the number of samples per channel that can be decoded, `expected` the number that
    the file promises, or None where its format does not say.
    """

    def __init__(
        self, message: str, present: int | None = None, expected: int | None = None
    ) -> None:
        super().__init__(message, present, expected)
        self.present = present
        self.expected = expected

    def __str__(self) -> str:
        return self.args[0]


class AudioEmpty(AudioError):
    """There is not one sample in it."""


class AudioSilent(AudioError):
    """All samples are zero where a level is needed, such as for a signal-to-noise ratio."""


class AudioNotFinite(AudioError):
    """There are samples that are not numbers (NaN) or infinite."""


class AudioOutOfRange(AudioError):
    """Samples, levels or settings lie beyond what is meaningful, such as beyond ±1 when saving."""


class BadSampleRate(AudioError):
    """A sample rate that is not a whole number, or outside 1 000 … 768 000 Hz."""


class AudioTooLong(AudioError):
    """More sound than was allowed, or than fits in memory."""


class AudioTooShort(AudioError):
    """Less sound than the operation needs."""


class ShapeError(AudioError):
    """An array, or an argument that fixes a shape, does not have the shape that is needed."""


class BadSampleType(AudioError, TypeError):
    """Samples that are not floating point numbers."""


class AudioUnwritable(AudioError):
    """The file cannot be written here, or not in this format."""


class DataError(RuntimeError):
    """A data set could not be had. Base of the errors that `helpers.datasets` raises.

    The message says what was wrong and what to do. `reason` says what was wrong in a few words,
    for the one-line notice printed when the book goes on with its built-in data instead.

    Chapter: 5.1
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class DataUnavailable(DataError):
    """The data set could not be reached or stored: offline, refused, too slow, disk full."""


class DataCorrupt(DataError):
    """Bytes arrived, but they are not the recordings that the book was written with."""


class DataIncomplete(DataCorrupt):
    """What arrived is right as far as it goes, but part of it is missing."""
