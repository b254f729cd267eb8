"""The error tree of the engine.

CcmusicError
├── AudioError        audio that cannot be used (empty, not audio, wrong format)
├── DeviceError       the CUDA device that was asked for is not there
└── WeightsError      weights that cannot be used
    ├── BundleError       bundle.toml is missing, malformed or contradicts itself
    └── CheckpointError   a weight file is refused; the other models go on
"""


class CcmusicError(Exception):
    """Base of every error that is a user's matter: its text is one clear sentence and needs no traceback."""


class AudioError(CcmusicError):
    """Audio that cannot be used."""


class DeviceError(CcmusicError):
    """The CUDA device that was asked for is not there."""


class WeightsError(CcmusicError):
    """Weights that cannot be used."""


class BundleError(WeightsError):
    """A bundle's description is missing, malformed or contradicts itself."""


class CheckpointError(WeightsError):
    """A weight file is refused."""
