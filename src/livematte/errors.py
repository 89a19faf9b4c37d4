"""Every error that livematte raises on purpose.

LivematteError          a mistake that its message explains; the command line exits with 2
├── InputError          something given cannot be read: missing, empty, damaged, of the wrong kind
├── OutputError         the result cannot be written where it was asked for
├── OptionError         a value is out of range or unknown
└── MissingExtraError   an optional part is not installed; the message names the command that does it
"""


class LivematteError(Exception):
    """Base of all errors that livematte raises on purpose."""


class InputError(LivematteError):
    """Something given cannot be read: missing, empty, damaged or of the wrong kind."""


class OutputError(LivematteError):
    """The result cannot be written where it was asked for."""


class OptionError(LivematteError, ValueError):
    """A value is out of range or unknown."""


class MissingExtraError(LivematteError, ImportError):
    """An optional part of livematte is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more packages: pip install 'livematte[{extra}]'")
