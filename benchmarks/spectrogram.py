"""New columns of a 1 s hop, computed once each, against the whole window computed anew on every hop.

`streaming` is what the daemon does; `nnaudio_torchaudio` computes both spectrograms of the 10 s window as the article
does, `librosa` as upstream's demo does. Milliseconds, medians; prints one JSON object.

    python benchmarks/spectrogram.py [--rounds 20] [--device auto]
"""

import json

import librosa
import torch
import torchaudio
from measuring import alternately, arguments, machine, medians, noise, torch_threads
from nnAudio.features.cqt import CQT1992v2

from ccmusic_stream.classifier import pick_device
from ccmusic_stream.clip import CLIP_SAMPLES
from ccmusic_stream.engine import MEASURED_HOP_COLUMNS
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.spectrogram import StreamingColumns, Transforms


@torch.inference_mode()
def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "").parse_args()
    device = pick_device(options.device)
    streaming = StreamingColumns(Transforms(centre=False).to(device), device)
    clip = noise(CLIP_SAMPLES)
    window = torch.from_numpy(clip).unsqueeze(0).to(device)
    hop = window[:, : MEASURED_HOP_COLUMNS * HOP_LENGTH]
    cqt = CQT1992v2(sr=SAMPLE_RATE, hop_length=512, fmin=32.703, n_bins=84, bins_per_octave=12, verbose=False)
    cqt = cqt.to(device)
    mel = torchaudio.transforms.MelSpectrogram(sample_rate=SAMPLE_RATE, n_fft=2048, hop_length=512, n_mels=128)
    mel = mel.to(device)

    def one_thread() -> None:
        with torch_threads(1):
            streaming.push(hop)

    times = medians(
        alternately(
            {
                "streaming": lambda: streaming.push(hop),
                "streaming_one_thread": one_thread,
                "nnaudio_torchaudio": lambda: (cqt(window, output_format="Magnitude"), mel(window)),
                "librosa": lambda: (librosa.cqt(clip, sr=SAMPLE_RATE), librosa.feature.melspectrogram(y=clip)),
            },
            options.rounds,
        )
    )
    ratios = {
        f"{name}_over_streaming": round(times[name] / times["streaming"], 1)
        for name in ("nnaudio_torchaudio", "librosa")
    }
    print(json.dumps({"benchmark": "spectrogram", **machine(device), "ms": times, **ratios}, indent=2))


if __name__ == "__main__":
    main()
