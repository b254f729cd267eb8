"""The error tree of taking the timeline out; `exit_code` is what the program ends with.

ExportError           what was asked for is not there or makes no sense: a time, a zone, a station (64)
└── OutputError       the file cannot be written (73; 75 when the disk is full)
"""

import os

from ccmusic_stream.errors import CcmusicError


class ExportError(CcmusicError):
    """What was asked for is not there or makes no sense."""

    exit_code = os.EX_USAGE


class OutputError(ExportError):
    """The output cannot be written."""

    def __init__(self, text: str, exit_code: int = os.EX_CANTCREAT) -> None:
        super().__init__(text)
        self.exit_code = exit_code
