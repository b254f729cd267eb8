"""Tests of reading `bundle.toml`: every fault has its sentence, and torch is never imported."""

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from ccmusic_stream.errors import BundleError
from ccmusic_stream.models.bundle import canonical_backbone, canonical_name, read_bundle

_ROOT = Path(__file__).parents[3]
_HASH = "0123456789abcdef" * 4

_LABELS = """
[[labels]]
slug = "jazz"
en = "Jazz"
zh = "爵士"
[[labels]]
slug = "speech"
en = "Speech"
zh = "语音"
music = false
"""
_MODEL = f"""
[[models]]
name = "resnet50_mel"
backbone = "resnet50"
spectrogram = "mel"
head = "gap"
profile = "floor80"
file = "resnet50_mel.safetensors"
sha256 = "{_HASH}"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 1]
temperature = 1.5
"""
_SEEDED = """
[[models]]
name = "densenet121_cqt"
backbone = "densenet121"
spectrogram = "cqt"
head = "linear"
profile = "seed"
seed = 7
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""
_GOOD = 'name = "tried"\n' + _LABELS + _MODEL


def _write(folder: Path, text: str) -> Path:
    (folder / "bundle.toml").write_text(text, encoding="utf-8")
    return folder


def _refusal(folder: Path, text: str) -> str:
    with pytest.raises(BundleError) as caught:
        read_bundle(_write(folder, text))
    return str(caught.value)


def test_everything_in_the_file_is_in_the_bundle(tmp_path: Path) -> None:
    bundle = read_bundle(_write(tmp_path, _GOOD + "[models.validation]\naccuracy = 0.71\nclips = 300\n"))
    assert (bundle.name, bundle.trained, bundle.folders) == ("tried", True, (tmp_path,))
    assert bundle.labels.slugs == ("jazz", "speech")
    assert not bundle.labels.named("speech").music
    (model,) = bundle.models
    assert (model.name, model.backbone, model.spectrogram) == ("resnet50_mel", "resnet50", "mel")
    assert (model.head, model.profile, model.seed) == ("gap", "floor80", None)
    assert (model.file, model.sha256) == ("resnet50_mel.safetensors", _HASH)
    assert model.mean == (0.485, 0.456, 0.406)
    assert model.std == (0.229, 0.224, 1.0)
    assert model.temperature == 1.5
    assert model.validation == {"accuracy": 0.71, "clips": 300.0}


def test_votes_have_weights_and_their_mean_a_temperature(tmp_path: Path) -> None:
    bundle = read_bundle(_write(tmp_path, _GOOD + _SEEDED))
    assert bundle.ensemble_temperature == 1.0
    assert bundle.weights == {"resnet50_mel": 1.0, "densenet121_cqt": 1.0}
    bundle = read_bundle(_write(tmp_path, "ensemble_temperature = 0.75\n" + _GOOD + "weight = 2\n" + _SEEDED))
    assert bundle.ensemble_temperature == 0.75
    assert bundle.weights == {"resnet50_mel": 2.0, "densenet121_cqt": 1.0}


@pytest.mark.parametrize("value", ["0", "-0.5"])
def test_an_ensemble_temperature_must_be_above_0(tmp_path: Path, value: str) -> None:
    refusal = _refusal(tmp_path, f"ensemble_temperature = {value}\n" + _GOOD)
    assert refusal.endswith(f"'ensemble_temperature' is {value}, expected a number above 0")


def test_a_bundle_crosses_to_another_process(tmp_path: Path) -> None:
    bundle = read_bundle(_write(tmp_path, _GOOD))
    copy = pickle.loads(pickle.dumps(bundle))  # noqa: S301 (our own bytes)
    assert copy == bundle
    assert hash(copy) == hash(bundle)


def test_a_seed_makes_the_whole_bundle_untrained(tmp_path: Path) -> None:
    bundle = read_bundle(_write(tmp_path, _GOOD + _SEEDED))
    assert not bundle.trained
    assert bundle.models[1].seed == 7
    assert bundle.models[1].file is None
    assert bundle.models[1].temperature == 1.0


def test_trained_may_be_said_where_it_is_true(tmp_path: Path) -> None:
    assert read_bundle(_write(tmp_path, "trained = true\n" + _GOOD)).trained
    assert not read_bundle(_write(tmp_path, "trained = false\n" + _GOOD)).trained
    assert not read_bundle(_write(tmp_path, "trained = false\n" + _GOOD + _SEEDED)).trained


def test_trained_may_not_contradict_a_seed(tmp_path: Path) -> None:
    assert "'trained' is true, but densenet121_cqt draws" in _refusal(tmp_path, "trained = true\n" + _GOOD + _SEEDED)


def test_the_articles_name_is_an_alias(tmp_path: Path) -> None:
    text = _GOOD.replace("resnet50_mel", "mobilenetv3_mel").replace('"resnet50"', '"mobilenetv3"')
    bundle = read_bundle(_write(tmp_path, text))
    assert bundle.models[0].backbone == "mobilenet_v3_large"
    assert bundle.models[0].name == "mobilenet_v3_large_mel"
    assert bundle.chosen(["mobilenetv3_mel"]) == bundle.models
    assert canonical_backbone("mobilenetv3") == "mobilenet_v3_large"
    assert canonical_name("mobilenetv3_cqt") == "mobilenet_v3_large_cqt"
    assert canonical_name("resnet50_mel") == "resnet50_mel"


def test_two_trainings_of_one_network_may_stand_beside_each_other(tmp_path: Path) -> None:
    second = _MODEL.replace('name = "resnet50_mel"', 'name = "resnet50_mel_live"')
    assert [model.name for model in read_bundle(_write(tmp_path, _GOOD + second)).models] == [
        "resnet50_mel",
        "resnet50_mel_live",
    ]


def test_models_are_chosen_by_name_in_the_bundles_order(tmp_path: Path) -> None:
    bundle = read_bundle(_write(tmp_path, _GOOD + _SEEDED))
    assert [model.name for model in bundle.chosen(["densenet121_cqt", "resnet50_mel"])] == [
        "resnet50_mel",
        "densenet121_cqt",
    ]
    assert bundle.chosen(None) == bundle.models
    with pytest.raises(BundleError, match="has no model 'vit_b_16_cqt'; it has resnet50_mel, densenet121_cqt"):
        bundle.chosen(["resnet50_mel", "vit_b_16_cqt"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere/bundle\.toml does not exist: a bundle is a folder"):
        read_bundle(tmp_path / "nowhere")


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "bundle.toml").mkdir()
    with pytest.raises(BundleError, match="cannot be read: Is a directory"):
        read_bundle(tmp_path)


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    assert "is not valid TOML: " in (refusal := _refusal(tmp_path, 'name = "x"\n\nlabels = [\n'))
    assert "at " in refusal
    assert "line 2" in _refusal(tmp_path, 'name = "x"\ntrained: true\n')


def test_bytes_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    (tmp_path / "bundle.toml").write_bytes(b'name = "\xff"\n')
    with pytest.raises(BundleError, match="is not UTF-8: byte 8 is 0xff"):
        read_bundle(tmp_path)


def test_endless_nesting_is_told(tmp_path: Path) -> None:
    assert "nested too deeply" in _refusal(tmp_path, "a = " + "[" * 100_000)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name = "tried"', "", "the key 'name' is missing"),
        ('name = "tried"', 'name = ""', "'name' is '', expected a text"),
        ('name = "tried"', 'name = "a"\nlabel = 1', "unknown key 'label': did you mean 'labels'?"),
        ('name = "tried"', 'name = "a"\ntrained = "yes"', "'trained' is 'yes', expected true or false"),
        ('slug = "jazz"', 'slug = "speech"', "label slugs must differ, but speech"),
        ('slug = "jazz"', 'slug = "ja/zz"', "[[labels]] 1 (ja/zz): label slug 'ja/zz' must be"),
        ('en = "Jazz"\n', "", "[[labels]] 1 (jazz): the key 'en' is missing"),
        ('en = "Jazz"', "en = 5", "[[labels]] 1 (jazz): 'en' is 5, expected a text"),
        ("music = false", "music = 0", "[[labels]] 2 (speech): 'music' is 0, expected true or false"),
        ("music = false", "musik = false", "[[labels]] 2 (speech): unknown key 'musik': did you mean 'music'?"),
        ("temperature = 1.5", "temprature = 1.5", "unknown key 'temprature': did you mean 'temperature'?"),
        ("temperature = 1.5", "zzz = 1.5", "unknown key 'zzz': expected one of name, backbone"),
        ("temperature = 1.5", "temperature = 0", "'temperature' is 0, expected a number above 0"),
        ("temperature = 1.5", "temperature = -1.0", "'temperature' is -1, expected a number above 0"),
        ("temperature = 1.5", "temperature = nan", "'temperature' is nan, expected a finite number"),
        ("temperature = 1.5", "temperature = inf", "'temperature' is inf, expected a finite number"),
        ("temperature = 1.5", f"temperature = 1{'0' * 400}", "00, expected a finite number"),
        ("temperature = 1.5", f"temperature = 1{'0' * 5000}", "is not valid TOML: "),
        ("temperature = 1.5", "temperature = true", "'temperature' is True, expected a finite number"),
        ("temperature = 1.5", "weight = 0", "'weight' is 0, expected a number above 0"),
        ("temperature = 1.5", "weight = -2.5", "'weight' is -2.5, expected a number above 0"),
        ("temperature = 1.5", "weight = inf", "'weight' is inf, expected a finite number"),
        ("temperature = 1.5", 'weight = "much"', "'weight' is 'much', expected a finite number"),
        ("temperature = 1.5", 'validation = "good"', "'validation' is 'good', expected a table of finite numbers"),
        ("temperature = 1.5", "validation = { a = nan }", "expected a table of finite numbers"),
        ("0.224, 1]", "0.224, 0]", "'std' is [0.229, 0.224, 0.0], expected three numbers above 0"),
        ("0.224, 1]", "0.224]", "'std' is [0.229, 0.224], expected three finite numbers"),
        ("std = [0.229, 0.224, 1]", "std = 0.5", "'std' is 0.5, expected three finite numbers"),
        ("std = [0.229, 0.224, 1]", "", "[[models]] 1 (resnet50_mel): the key 'std' is missing"),
        ("mean = [0.485,", "mean = [nan,", "'mean' is [nan, 0.456, 0.406], expected three finite numbers"),
        ("mean = [0.485,", 'mean = ["0.4",', "'mean' is ['0.4', 0.456, 0.406], expected three finite numbers"),
        (
            '"resnet50"',
            '"resnet51"',
            "[[models]] 1 (resnet50_mel): unknown backbone 'resnet51', expected one of vgg19_bn",
        ),
        ('"mel"', '"stft"', "'spectrogram' is 'stft', expected one of cqt, mel"),
        ('"gap"', '"gab"', "'head' is 'gab', expected one of linear, gap, ccmusic"),
        ('"floor80"', '"floor90"', "'profile' is 'floor90', expected one of seed, floor80, ccmusic"),
        ('name = "resnet50_mel"', 'name = "resnet50_cqt"', "'name' is 'resnet50_cqt', expected 'resnet50_mel'"),
        ('name = "resnet50_mel"', 'name = "resnet50_mels"', "'name' is 'resnet50_mels', expected 'resnet50_mel'"),
        ('name = "resnet50_mel"', 'name = "resnet50_mel_/x"', "'name' is 'resnet50_mel_/x', expected"),
        ('"resnet50_mel.safetensors"', '"../a.pt"', "'file' is '../a.pt', expected a path inside the bundle's folder"),
        ('"resnet50_mel.safetensors"', '"a/../../a.pt"', "'file' is 'a/../../a.pt', expected a path inside"),
        ('"resnet50_mel.safetensors"', '"/etc/a.pt"', "'file' is '/etc/a.pt', expected a path inside"),
        ('"resnet50_mel.safetensors"', "'C:\\a.pt'", "expected a path inside the bundle's folder"),
        ('"resnet50_mel.safetensors"', "'..\\a.pt'", "expected a path inside the bundle's folder"),
        ('"resnet50_mel.safetensors"', '"a\\u0000.pt"', "expected a path inside the bundle's folder"),
        ('"resnet50_mel.safetensors"', '"."', "'file' is '.', expected a path inside the bundle's folder"),
        ('file = "resnet50_mel.safetensors"', "file = 3", "'file' is 3, expected a text"),
        (f'sha256 = "{_HASH}"', "", "the key 'sha256' is missing"),
        (_HASH, _HASH[:-1], "expected 64 hexadecimal digits"),
        (_HASH, "…", "'sha256' is '…', expected 64 hexadecimal digits"),
        (f'sha256 = "{_HASH}"', "seed = 1", "'seed' (random weights) and 'file' (trained weights) exclude each other"),
        ('file = "resnet50_mel.safetensors"', "", "either 'file' with 'sha256' (weights) or 'seed'"),
    ],
)
def test_a_fault_has_its_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert _GOOD.count(old) >= 1
    refusal = _refusal(tmp_path, _GOOD.replace(old, new, 1))
    assert refusal.startswith(f"{tmp_path / 'bundle.toml'}")
    assert sentence in refusal


@pytest.mark.parametrize("seed", ["-1", "1.5", "true", '"7"', "9223372036854775808"])
def test_a_seed_is_a_whole_number(tmp_path: Path, seed: str) -> None:
    text = 'name = "a"\n' + _LABELS + _SEEDED.replace("seed = 7", f"seed = {seed}")
    assert "expected a whole number from 0 to 9223372036854775807" in _refusal(tmp_path, text)


def test_a_hash_without_a_file_is_told_beside_a_seed(tmp_path: Path) -> None:
    text = 'name = "a"\n' + _LABELS + _SEEDED + f'sha256 = "{_HASH}"\n'
    assert "'seed' (random weights) and 'sha256'" in _refusal(tmp_path, text)


def test_labels_are_needed(tmp_path: Path) -> None:
    assert "the key 'labels' is missing" in _refusal(tmp_path, 'name = "a"\n' + _MODEL)
    assert "needs at least 2 labels" in _refusal(tmp_path, 'name = "a"\nlabels = []\n' + _MODEL)
    assert "write each one under its own [[labels]]" in _refusal(tmp_path, 'name = "a"\nlabels = ["jazz"]\n' + _MODEL)
    assert "write each one under its own [[models]]" in _refusal(tmp_path, _GOOD.replace("[[models]]", "[models]"))


def test_model_names_differ(tmp_path: Path) -> None:
    assert "model names must differ, but resnet50_mel stands more than once" in _refusal(tmp_path, _GOOD + _MODEL)


def test_the_hash_is_compared_in_lower_case(tmp_path: Path) -> None:
    assert read_bundle(_write(tmp_path, _GOOD.replace(_HASH, _HASH.upper()))).models[0].sha256 == _HASH


def test_reading_a_bundle_imports_no_torch() -> None:
    program = (
        "import sys; from pathlib import Path; from ccmusic_stream.models.bundle import read_bundle; "
        "read_bundle(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    starter = _ROOT / "weights" / "starter"
    done = subprocess.run([sys.executable, "-c", program, str(starter)], cwd=_ROOT, timeout=60, check=False)
    assert done.returncode == 0


def test_the_starter_bundle_is_as_designed() -> None:
    bundle = read_bundle(_ROOT / "weights" / "starter")
    assert bundle.name == "starter"
    assert [(label.slug, label.zh) for label in bundle.labels] == [
        ("classical", "古典"),
        ("jazz", "爵士"),
        ("electronic", "电子"),
        ("rock", "摇滚"),
        ("hip_hop", "说唱"),
        ("folk", "民谣"),
        ("metal", "金属"),
        ("rnb", "R&B"),
        ("reggae", "雷鬼"),
        ("world", "世界音乐"),
        ("pop", "流行"),
        ("ambient", "环境音"),
        ("speech", "语音"),
    ]
    assert [label.slug for label in bundle.labels if not label.music] == ["speech"]
    assert [model.name for model in bundle.models] == [
        "vgg19_bn_cqt",
        "resnet50_mel",
        "densenet121_cqt",
        "efficientnet_b0_mel",
        "mobilenet_v3_large_cqt",
    ]


def test_the_starter_bundle_is_trained_and_small_and_says_how_well_it_did() -> None:
    bundle = read_bundle(_ROOT / "weights" / "starter")
    assert bundle.trained
    assert all((model.seed, model.head, model.profile) == (None, "gap", "floor80") for model in bundle.models)
    size = 0
    for model in bundle.models:
        assert model.file is not None
        content = (bundle.folders[0] / model.file).read_bytes()
        size += len(content)
        assert hashlib.sha256(content).hexdigest() == model.sha256
        assert 1 / len(bundle.labels) < model.validation["macro_top1"] < 1.0
    assert size <= 60_000_000
    assert (bundle.folders[0] / "MODEL_CARD.md").is_file()


def test_a_bundle_may_hold_labels_alone(tmp_path: Path) -> None:
    for text in ('name = "a"\n' + _LABELS, 'name = "a"\nmodels = []\n' + _LABELS):
        bundle = read_bundle(_write(tmp_path, text))
        assert bundle.models == ()
        assert not bundle.trained


def test_a_label_may_have_a_parent(tmp_path: Path) -> None:
    bundle = read_bundle(_write(tmp_path, _GOOD.replace('zh = "爵士"', 'zh = "爵士"\nparent = "black_music"')))
    assert [label.parent for label in bundle.labels] == ["black_music", None]
    refusal = _refusal(tmp_path, _GOOD.replace('zh = "爵士"', 'zh = "爵士"\nparent = "a/b"'))
    assert "[[labels]] 1 (jazz): label parent 'a/b' must be 1 to 64 letters" in refusal


def test_the_file_that_a_model_was_imported_from_is_known_by_its_hash(tmp_path: Path) -> None:
    bundle = read_bundle(_write(tmp_path, _GOOD + f'source = "{_HASH.upper()}"\n'))
    assert bundle.models[0].source == _HASH
    assert "'source' is 'x', expected 64 hexadecimal digits" in _refusal(tmp_path, _GOOD + 'source = "x"\n')


def test_a_model_knows_where_its_file_lies(tmp_path: Path) -> None:
    (model,) = read_bundle(_write(tmp_path, _GOOD)).models
    assert (model.folder, model.stem) == (tmp_path, "resnet50_mel")


def test_the_published_labels_stand_in_upstreams_order() -> None:
    bundle = read_bundle(_ROOT / "weights" / "ccmusic")
    assert bundle.models == ()
    assert [(label.slug, label.zh, label.parent) for label in bundle.labels] == [
        ("symphony", "交响乐", "classic"),
        ("opera", "戏曲", "classic"),
        ("solo", "独奏", "classic"),
        ("chamber", "室内乐", "classic"),
        ("pop_vocal_ballad", "芭乐", "pop"),
        ("adult_contemporary", "成人时代", "pop"),
        ("teen_pop", "青少年流行", "pop"),
        ("contemporary_dance_pop", "当代流行舞曲", "dance_and_house"),
        ("dance_pop", "流行舞曲", "dance_and_house"),
        ("classic_indie_pop", "经典独立流行", "indie"),
        ("chamber_cabaret_and_art_pop", "室内卡巴莱与艺术流行乐", "indie"),
        ("soul_or_r_and_b", "灵魂乐或节奏布鲁斯", None),
        ("adult_alternative_rock", "成人另类摇滚", "rock"),
        ("uplifting_anthemic_rock", "迷幻民族摇滚", "rock"),
        ("soft_rock", "慢摇滚", "rock"),
        ("acoustic_pop", "原声流行", None),
    ]
