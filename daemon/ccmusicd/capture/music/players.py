"""Who plays what: every instrument name that the band knows, with what builds the instrument."""

from ccmusicd.capture.music import synths
from ccmusicd.capture.music.playing import Makers

MAKERS: Makers = {**synths.MAKERS}
