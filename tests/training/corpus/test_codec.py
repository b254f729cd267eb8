from pathlib import Path

import av
import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from training.corpus.codec import CODECS, Codec, Sound, aligned, through_codec, write_flac
from training.corpus.soundfont import RATE


def dull_noise(seconds: float = 6.0, silence_s: float = 0.4) -> Sound:
    noise = 0.3 * np.random.default_rng(0).standard_normal(round(seconds * RATE))
    noise[: round(silence_s * RATE)] = 0
    return np.asarray(uniform_filter1d(noise, 8), np.float32)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("bits_per_s", [20_000, 96_000])
def test_what_comes_back_lies_where_it_was(codec: Codec, bits_per_s: int) -> None:
    sound = dull_noise()
    back = through_codec(sound, codec, bits_per_s)
    assert back.dtype == np.float32
    assert len(back) == len(sound)
    assert np.corrcoef(sound, back)[0, 1] > (0.98 if bits_per_s == 96_000 else 0.8)
    assert back.std() == pytest.approx(sound.std(), rel=0.25)


def test_fewer_bits_lose_more() -> None:
    sound = dull_noise()
    poor, rich = (np.corrcoef(sound, through_codec(sound, "aac", bits))[0, 1] for bits in (20_000, 96_000))
    assert poor < rich


def test_silence_survives() -> None:
    assert np.abs(through_codec(np.zeros(2 * RATE, np.float32), "mp3", 32_000)).max() < 1e-3


@pytest.mark.parametrize("delay", [-700, 0, 1105])
def test_a_delay_is_undone(delay: int) -> None:
    sound = dull_noise()
    late = np.concatenate((np.zeros(delay, np.float32), sound)) if delay > 0 else sound[-delay:]
    assert np.array_equal(aligned(late, sound)[RATE : 5 * RATE], sound[RATE : 5 * RATE])


def test_flac_keeps_sixteen_bits(tmp_path: Path) -> None:
    sound = dull_noise()
    write_flac(tmp_path / "piece.flac", sound)
    with av.open(str(tmp_path / "piece.flac"), "r") as file:
        stream = file.streams.audio[0]
        assert (stream.rate, stream.channels, stream.codec_context.format.name) == (RATE, 1, "s16")
        read = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert len(read) == len(sound)
    assert np.abs(read / 32768 - sound).max() < 2 / 32768
    assert [path.name for path in tmp_path.iterdir()] == ["piece.flac"]
