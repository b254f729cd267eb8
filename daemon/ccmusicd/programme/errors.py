"""The errors of the programme; `exit_code` is what the program ends with."""

import os

from ccmusic_stream.errors import CcmusicError


class ProgrammeError(CcmusicError):
    """What the configuration or a calendar says of the programme cannot be used."""

    exit_code = os.EX_CONFIG
