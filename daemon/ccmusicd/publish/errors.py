"""The error tree of the publishers; `exit_code` is what the program ends with.

PublishError          the web server cannot start: its address cannot be had, its viewer is missing (69)
├── CertificateError  the web server's certificate or its key cannot be used (78)
├── TopicError        an MQTT address or a part of a topic cannot be used (78)
└── RecordError       the timeline's database is not one that this program can use (78)
    ├── MissingRecordError  there is none, or it cannot be read (66)
    └── BusyRecordError     it cannot be read at this moment; again later (75)
"""

import os

from ccmusic_stream.errors import CcmusicError


class PublishError(CcmusicError):
    """A publisher cannot start."""

    exit_code = os.EX_UNAVAILABLE


class CertificateError(PublishError):
    """The web server's certificate or its key cannot be used."""

    exit_code = os.EX_CONFIG


class TopicError(PublishError):
    """An MQTT address or a part of a topic cannot be used."""

    exit_code = os.EX_CONFIG


class RecordError(PublishError):
    """The timeline's database is not one that this program can use."""

    exit_code = os.EX_CONFIG


class MissingRecordError(RecordError):
    """There is no timeline to read, or it cannot be read."""

    exit_code = os.EX_NOINPUT


class BusyRecordError(RecordError):
    """The timeline cannot be read at this moment, but may be later."""

    exit_code = os.EX_TEMPFAIL
