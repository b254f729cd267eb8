"""The command line in processes of its own, as people call it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Command = Callable[..., Any]
Music = Callable[..., NDArray[np.float32]]
Write = Callable[[NDArray[np.float32]], Path]


@pytest.fixture
def ccmusicd(commands: Any) -> Callable[..., Any]:
    return commands.run  # type: ignore[no-any-return]


def test_classify_prints_one_json_object_a_file_and_goes_on_after_a_bad_one(
    ccmusicd: Command, light_bundle: Path, make_music: Music, write_wav: Write, tmp_path: Path
) -> None:
    good = write_wav(make_music(4))
    page = tmp_path / "page.mp3"
    page.write_text("<html><body>404</body></html>")
    ended = ccmusicd("classify", "--json", "--bundle", str(light_bundle), str(page), str(good))
    assert ended.returncode == 66
    assert "page.mp3" in ended.stderr
    assert "web page" in ended.stderr
    assert "Traceback" not in ended.stderr
    (line,) = ended.stdout.splitlines()
    found = json.loads(line)
    assert found["file"] == str(good)
    assert found["duration_s"] == pytest.approx(4.0, abs=0.01)
    assert found["trained"] is False
    assert any("4.0 s long" in warning for warning in found["warnings"])
    (window,) = found["windows"]
    assert (window["start_s"], window["end_s"]) == (0.0, pytest.approx(4.0, abs=0.01))
    assert set(window["models"]) == {"mobilenet_v3_large_cqt", "mobilenet_v3_large_mel"}
    for model in window["models"].values():
        assert sum(model["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
        assert model["top5"][0][1] == max(model["probabilities"].values())
        assert model["error"] is None
    assert sum(window["ensemble"].values()) == pytest.approx(1.0, abs=1e-5)
    assert 0 <= window["divergence"] <= 1
    assert window["agreement"] in {0.5, 1.0}
    assert window["band"] in {"reliable", "check", "unsure"}


def test_classify_prints_tables_for_people_and_takes_all_clips(
    ccmusicd: Command, light_bundle: Path, make_music: Music, write_wav: Write
) -> None:
    ended = ccmusicd(
        "classify", "--clip", "all", "--bundle", str(light_bundle), str(write_wav(make_music(26))), COLUMNS="200"
    )
    assert ended.returncode == 0, ended.stderr
    for words in (
        "0.0 to 10.0 s",
        "10.0 to 20.0 s",
        "20.0 to 26.0 s",
        "mobilenet_v3_large_cqt",
        "ensemble",
        "agreement",
    ):
        assert words in ended.stdout
    assert "random weights" in ended.stderr


def test_classify_goes_on_after_a_file_without_a_sample_and_prints_names_as_they_are(
    ccmusicd: Command, light_bundle: Path, make_music: Music, write_wav: Write, tmp_path: Path
) -> None:
    odd = tmp_path / "[bold] [red].wav"
    write_wav(make_music(2)).rename(odd)
    empty = write_wav(np.empty(0, dtype=np.float32))
    ended = ccmusicd("classify", "--bundle", str(light_bundle), str(empty), str(odd), COLUMNS="200")
    assert ended.returncode == 66
    assert "music.wav" in ended.stderr
    assert "[bold] [red].wav" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_classify_draws_every_step_when_told_where(
    ccmusicd: Command, light_bundle: Path, make_music: Music, write_wav: Write, tmp_path: Path
) -> None:
    song = write_wav(make_music(23))
    ended = ccmusicd(
        *("classify", "--json", "--clip", "all", "--bundle", str(light_bundle)),
        *("--pictures", str(tmp_path / "seen"), str(song)),
    )
    assert ended.returncode == 0, ended.stderr
    folder = Path(json.loads(ended.stdout)["pictures"])
    assert folder.parent == tmp_path / "seen"
    of_a_window = {
        "seen-cqt-seed-by-mobilenet_v3_large_cqt.png",
        "seen-mel-seed-by-mobilenet_v3_large_mel.png",
        "spectrogram-cqt.png",
        "spectrogram-mel.png",
    }
    windows = ("00000.0s", "00010.0s")
    expected = {f"{start}-{name}" for start in windows for name in of_a_window} | {"waveform.png"}
    assert {file.name for file in folder.iterdir()} == expected


def test_classify_says_at_once_that_pictures_cannot_be_written(
    ccmusicd: Command, light_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ended = ccmusicd("classify", "--bundle", str(light_bundle), "--pictures", str(tmp_path / "file"), "song.mp3")
    assert (ended.returncode, ended.stdout) == (73, "")
    assert ended.stderr == f"ccmusicd: {tmp_path / 'file'} cannot be made for the pictures: File exists\n"


def test_classify_refuses_a_missing_file(ccmusicd: Command, light_bundle: Path) -> None:
    ended = ccmusicd("classify", "--bundle", str(light_bundle), "/nonexistent.flac")
    assert (ended.returncode, ended.stdout) == (66, "")
    assert "/nonexistent.flac" in ended.stderr


def test_config_check_tells_faults_with_78_and_silence_about_good_ones(ccmusicd: Command, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[stations.a]\ninput = "demo"\n')
    good = ccmusicd("config", "check", "--config", str(file))
    assert (good.returncode, good.stderr) == (0, "")
    assert "1 station" in good.stdout
    file.write_text('[analyzer]\nbundle = "/nowhere"\nmodels = ["x"]\n')
    assert ccmusicd("config", "check", "--config", str(file)).returncode == 78
    for text, words in (
        ('[analyzer]\nmodels = ["vgg"]\n', "has no model or preset 'vgg'; it has vgg19_bn_cqt, "),
        ('[analyzer]\nmodels = "quick"\n', "presets are accurate, fast, border, light, all"),
        ('[analyzer]\nbundle = ["starter", "ccmusic"]\n', "label 1 is 'classical' in the first and 'symphony'"),
        ('[mqtt]\nurl = "broker.lan"\n', "mqtt://"),
        ('[mqtt]\nurl = "mqtts://b"\nca_file = "/gone.pem"\n', "/gone.pem"),
        ('[mqtt]\npassword_file = "/gone"\n', "/gone"),
        ('[web]\ntls_certificate = "/gone.pem"\ntls_key = "/key.pem"\n', "the certificate /gone.pem"),
        ('[web]\ntoken_file = "/gone"\n', "/gone"),
        ('[timeline]\nurl = "mysql://a:hush@b/c"\n', "sqlite:///FILE"),
    ):
        file.write_text(text)
        refused = ccmusicd("config", "check", "--config", str(file))
        assert refused.returncode == 78
        assert words in refused.stderr
        assert "hush" not in refused.stderr
        assert "Traceback" not in refused.stderr
    file.write_text("[daemon]\nlsten = 1\n")
    bad = ccmusicd("config", "check", "--config", str(file))
    assert bad.returncode == 78
    assert f"{file}, line 2: daemon.lsten: unknown key" in bad.stderr
    assert "Traceback" not in bad.stderr


def test_config_show_and_schema_are_json_without_secrets(ccmusicd: Command) -> None:
    secrets = {"CCMUSIC_MQTT__PASSWORD": "hush", "CCMUSIC_MQTT__URL": "mqtt://a:hush@b"}
    shown = ccmusicd("config", "show", **secrets)
    assert "hush" not in shown.stdout + shown.stderr
    assert json.loads(shown.stdout)["mqtt"]["url"].endswith("@b")
    assert "stations" in json.loads(ccmusicd("config", "schema").stdout)["properties"]


def test_weights_list_tells_what_ships_and_what_is_the_users_own(
    ccmusicd: Command, light_bundle: Path, tmp_path: Path
) -> None:
    own = tmp_path / "ccmusic-stream" / "bundles" / "mine"
    own.parent.mkdir(parents=True)
    own.symlink_to(light_bundle)
    ccmusic, starter, mine = json.loads(ccmusicd("weights", "list", "--json", XDG_DATA_HOME=str(tmp_path)).stdout)
    assert (starter["name"], starter["trained"], len(starter["models"]), starter["parents"]) == (
        "starter",
        True,
        5,
        {},
    )
    assert (ccmusic["name"], ccmusic["trained"], ccmusic["models"]) == ("ccmusic", False, [])
    assert ccmusic["parents"]["teen_pop"] == "pop"
    assert (mine["name"], mine["folder"]) == ("light", str(own))
    table = ccmusicd("weights", "list", COLUMNS="200", XDG_DATA_HOME=str(tmp_path)).stdout
    assert "random weights" in table
    assert "none yet" in table
    assert "teen_pop (pop)" in table


def test_weights_inspect_refuses_what_is_no_checkpoint(ccmusicd: Command, tmp_path: Path) -> None:
    pointer = tmp_path / "save.pt"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    ended = ccmusicd("weights", "inspect", str(pointer))
    assert ended.returncode == 78
    assert "save.pt" in ended.stderr
    assert "LFS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_labels_without_models_are_refused_with_the_way_to_get_some(ccmusicd: Command) -> None:
    for command in (("run", "--bundle", "ccmusic"), ("classify", "--bundle", "ccmusic", "x")):
        ended = ccmusicd(*command)
        assert (ended.returncode, ended.stdout) == (78, "")
        assert ended.stderr.startswith("ccmusicd: bundle 'ccmusic' holds labels but no models yet: ")
        assert "'ccmusicd weights pull REPO'" in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_run_takes_presets_and_bundles_side_by_side(ccmusicd: Command, light_bundle: Path) -> None:
    ended = ccmusicd("run", "--bundle", str(light_bundle), "--models", "fast,border")
    assert (ended.returncode, ended.stdout) == (78, "")
    assert "preset 'border' is resnet50_mel and densenet121_cqt, but bundle 'light' has no resnet50_mel" in ended.stderr
    ended = ccmusicd("run", "--bundle", "starter", "--bundle", str(light_bundle))
    assert (ended.returncode, ended.stdout) == (78, "")
    assert "bundles 'starter' and 'light' cannot be joined: label 1 is 'classical'" in ended.stderr


def test_devices_lists_as_json_or_says_why_not(ccmusicd: Command) -> None:
    ended = ccmusicd("devices", "--json")
    assert "Traceback" not in ended.stderr
    if ended.returncode == 0:
        assert isinstance(json.loads(ended.stdout), list)
    else:
        assert ended.returncode == 69
        assert "libportaudio2" in ended.stderr


def test_version_is_told(ccmusicd: Command) -> None:
    assert ccmusicd("--version").stdout.startswith("ccmusicd 0.")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["dance"], 64, "dance"),
        (["classify"], 64, "FILE"),
        (["classify", "--clip", "last", "x"], 64, "last"),
        (["watch", "ftp://x"], 64, "ftp"),
        (["watch", "127.0.0.1:9"], 69, "127.0.0.1:9"),
    ],
)
def test_exit_codes(ccmusicd: Command, arguments: list[str], status: int, words: str) -> None:
    ended = ccmusicd(*arguments)
    assert ended.returncode == status
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
