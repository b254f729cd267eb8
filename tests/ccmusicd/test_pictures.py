"""What `classify --pictures` writes, and where."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ccmusic_stream.geometry import Spectrogram, TransformName
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import picture
from ccmusicd.pictures import PictureFolder
from ccmusicd.refusals import PicturesError

HALF = (0.5, 0.5, 0.5)


def spec(name: str, kind: Spectrogram, profile: str = "seed") -> ModelSpec:
    return ModelSpec(name, "resnet50", kind, "gap", profile, None, None, 0, HALF, HALF, 1.0)


@pytest.fixture
def windows() -> dict[TransformName, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "cqt": torch.rand(84, 431, generator=generator) ** 4,
        "mel": torch.rand(128, 431, generator=generator) ** 4,
        "mel_librosa": torch.rand(128, 490, generator=generator) ** 4,
    }


def starting(start_s: float, windows: dict[TransformName, Tensor]) -> dict[TransformName, tuple[float, Tensor]]:
    return {name: (start_s, window) for name, window in windows.items()}


def test_every_distinct_picture_is_written_once_with_the_names_of_its_models(
    tmp_path: Path, windows: dict[TransformName, Tensor]
) -> None:
    models = [spec("a_cqt", "cqt"), spec("b_mel", "mel"), spec("c_cqt", "cqt"), spec("d_mel", "mel", "ccmusic")]
    pictures = PictureFolder(tmp_path / "new" / "folder").of("song.mp3", models)
    pictures.window(12.5, starting(12.5, windows))
    assert pictures.folder.parent == tmp_path / "new" / "folder"
    assert sorted(file.name for file in pictures.folder.iterdir()) == [
        "00012.5s-seen-cqt-seed-by-a_cqt+c_cqt.png",
        "00012.5s-seen-mel-ccmusic-by-d_mel.png",
        "00012.5s-seen-mel-seed-by-b_mel.png",
        "00012.5s-spectrogram-cqt.png",
        "00012.5s-spectrogram-mel.png",
        "00012.5s-spectrogram-mel_librosa.png",
    ]


def test_a_picture_has_the_bytes_that_the_network_sees(tmp_path: Path, windows: dict[TransformName, Tensor]) -> None:
    models = [spec("a_cqt", "cqt"), spec("d_mel", "mel", "ccmusic")]
    pictures = PictureFolder(tmp_path).of("song.mp3", models)
    pictures.window(0.0, starting(0.0, windows))
    grey = np.asarray(Image.open(pictures.folder / "00000.0s-seen-cqt-seed-by-a_cqt.png"))
    assert np.array_equal(grey, picture("cqt", windows["cqt"][None], "seed")[0, 0].numpy())
    colour = np.asarray(Image.open(pictures.folder / "00000.0s-seen-mel-ccmusic-by-d_mel.png"))
    seen = picture("mel", windows["mel_librosa"][None], "ccmusic")[0]
    assert np.array_equal(colour, seen.permute(1, 2, 0).numpy())


NAMES = [
    "a.mp3",
    "a.wav",
    "b/a.mp3",
    "../a.mp3",
    "..",
    ".mp3",
    "",
    "x" * 200,
    "声" * 80 + ".flac",
    "a b\n\x1b[31m.mp3",
    "C:\\a|b?*<>.ogg",
    os.fsdecode(b"\xff\xfe.mp3"),
    "-rf",
]


def test_recordings_have_folders_of_their_own_whatever_they_are_called(tmp_path: Path) -> None:
    root = PictureFolder(tmp_path / "out")
    folders = [root.of(name, []).folder for name in NAMES]
    assert len({str(folder).casefold() for folder in folders}) == len(NAMES)
    for folder in folders:
        assert folder.parent == tmp_path / "out"
        assert folder.is_dir()
        assert folder.name.isprintable()
        assert not set(folder.name) & set('/\\:*?"<>| ')
        assert not folder.name.startswith((".", "-"))


def test_the_same_recording_has_the_same_folder_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = PictureFolder(tmp_path / "out")
    assert root.of("a.mp3", []).folder == root.of(str(tmp_path / "a.mp3"), []).folder


def test_many_models_of_one_picture_do_not_make_a_name_too_long(
    tmp_path: Path, windows: dict[TransformName, Tensor]
) -> None:
    models = [spec(f"efficientnet_b0_cqt_variant_{number}", "cqt") for number in range(20)]
    pictures = PictureFolder(tmp_path).of("song.mp3", models)
    pictures.window(99_999.9, starting(99_999.9, windows))
    (seen,) = pictures.folder.glob("*-seen-*")
    shown = seen.name.split("-by-")[1].removesuffix(".png").split("+")
    assert shown[0] == "efficientnet_b0_cqt_variant_0"
    assert shown[-1] == f"{20 - (len(shown) - 1)}_more"


def test_a_waveform_is_written(tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path).of("song.mp3", [])
    pictures.waveform(np.zeros(100_000, np.float32), [(0.0, 4.5)])
    with Image.open(pictures.folder / "waveform.png") as image:
        assert image.size[0] > 1_000


def test_what_cannot_be_written_is_said_in_one_sentence(tmp_path: Path, windows: dict[TransformName, Tensor]) -> None:
    file = tmp_path / "file"
    file.touch()
    for root in (file, file / "below"):
        with pytest.raises(PicturesError, match=f"^{root} cannot be made for the pictures: [^\n]+$") as caught:
            PictureFolder(root)
        assert caught.value.exit_code == 73
    pictures = PictureFolder(tmp_path / "out").of("song.mp3", [])
    (pictures.folder / "waveform.png").mkdir()
    with pytest.raises(PicturesError, match=r"waveform\.png cannot be written: Is a directory$"):
        pictures.waveform(np.zeros(10, np.float32), [])
    pictures.window(0.0, starting(0.0, windows))
