"""Who plays what: every instrument name that the band knows, with what builds the instrument."""

from ccmusicd.capture.music import guitars, machines, nature, struck, sustained, synths, voices
from ccmusicd.capture.music.playing import Makers

MAKERS: Makers = {
    **struck.MAKERS,
    **guitars.MAKERS,
    **sustained.MAKERS,
    **synths.MAKERS,
    **machines.MAKERS,
    **voices.MAKERS,
    **nature.MAKERS,
}
