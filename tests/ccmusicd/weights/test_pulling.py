"""Tests of `weights pull` against a hub on the loopback: both layouts, resuming, hashes, and every refusal."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from huggingface_hub import constants
from huggingface_hub.file_download import http_get

from ccmusic_stream.errors import BundleError, WeightsError
from ccmusic_stream.models.bundle import read_bundle
from ccmusicd.weights import repository
from ccmusicd.weights.pulling import pull
from ccmusicd.weights.repository import PullError, Repository

Hub = Any  # of the conftest, which cannot be imported

MEL = "mobilenetv3_mel/save.pt"
CHUNK = constants.DOWNLOAD_CHUNK_SIZE
"""Bytes that the library takes at a time; of a cut chunk nothing is kept."""

CQT = "mobilenet_v3_large_cqt/save.pt"

_BUNDLE = """
name = "night"
[[labels]]
slug = "jazz"
en = "Jazz"
zh = "爵士"
[[labels]]
slug = "rock"
en = "Rock"
zh = "摇滚"
"""
_MODEL = """
[[models]]
name = "resnet50_{kind}"
backbone = "resnet50"
spectrogram = "{kind}"
head = "gap"
profile = "floor80"
file = "{file}"
sha256 = "{sha256}"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
temperature = 1.5
"""


def _pull(*words: str, bundle: Path | None = None) -> int:
    found = Repository("studio/genres", None)
    return pull(found, bundle=None if bundle is None else str(bundle), words=words)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _names(folder: Path) -> list[str]:
    return [model.name for model in read_bundle(folder).models]


def _offer_bundle(hub: Hub, **contents: bytes) -> None:
    """A repository with a bundle.toml and a weight file for each spectrogram; what is in them nobody looks at."""
    hub.files |= {f"weights/{kind}.safetensors": content for kind, content in contents.items()}
    models = [
        _MODEL.format(kind=kind, file=f"weights/{kind}.safetensors", sha256=_sha256(content))
        for kind, content in contents.items()
    ]
    hub.files["bundle.toml"] = (_BUNDLE + "".join(models)).encode()
    hub.in_git.add("bundle.toml")


# --- upstream's layout -------------------------------------------------------------------------------------------


def test_upstreams_checkpoints_are_fetched_and_imported(
    hub: Hub, own_data: Path, upstream_file: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files = {"README.md": b"read me", MEL: upstream_file, CQT: upstream_file, "notes/save.pt": b"no model's name"}
    assert _pull() == os.EX_OK
    bundle = read_bundle(own_data / "genres")
    assert [model.name for model in bundle.models] == ["mobilenet_v3_large_cqt", "mobilenet_v3_large_mel"]
    assert bundle.trained
    assert {model.source for model in bundle.models} == {_sha256(upstream_file)}
    assert len(bundle.labels) == 16
    assert sorted(path.name for path in (own_data / "genres").iterdir()) == [
        "bundle.toml",
        "mobilenet_v3_large_cqt.safetensors",
        "mobilenet_v3_large_mel.safetensors",
    ]
    assert {path for path, _ in hub.fetches} == {MEL, CQT}
    assert f"from studio/genres/{CQT}" in capsys.readouterr().out


def test_what_is_there_is_not_fetched_again(hub: Hub, own_data: Path, upstream_file: bytes) -> None:
    hub.files = {CQT: upstream_file}
    assert _pull() == _pull() == os.EX_OK
    assert len(hub.fetches) == 1
    (own_data / "genres" / "mobilenet_v3_large_cqt.safetensors").write_bytes(b"damaged")
    assert _pull() == os.EX_OK
    assert len(hub.fetches) == 2


def test_only_the_chosen_models_are_fetched(hub: Hub, tmp_path: Path, upstream_file: bytes) -> None:
    hub.files = {MEL: upstream_file, CQT: upstream_file}
    assert _pull("fast", bundle=tmp_path / "b") == os.EX_OK
    assert _names(tmp_path / "b") == ["mobilenet_v3_large_cqt"]
    with pytest.raises(BundleError, match="studio/genres has no model or preset 'vgg19_bn_cqt'; it has mobilenet_v3"):
        _pull("vgg19_bn_cqt", bundle=tmp_path / "b")


def test_of_two_formats_the_one_without_pickle_is_taken(hub: Hub, upstream_file: bytes) -> None:
    hub.files = {CQT: upstream_file, "mobilenet_v3_large_cqt.safetensors": b"damaged"}
    assert _pull() == os.EX_CONFIG
    assert [path for path, _ in hub.fetches] == ["mobilenet_v3_large_cqt.safetensors"]


def test_a_file_that_is_refused_does_not_stop_the_others(
    hub: Hub, own_data: Path, upstream_file: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files = {"resnet50_cqt/save.pt": upstream_file, "vgg19_bn_mel.pt": b"<html>", MEL: upstream_file}
    assert _pull() == os.EX_CONFIG
    told = capsys.readouterr().err
    assert "studio/genres/resnet50_cqt/save.pt: holds a mobilenet_v3_large, not a resnet50_cqt" in told
    assert "vgg19_bn_mel.pt: is a web page" in told
    assert _names(own_data / "genres") == ["mobilenet_v3_large_mel"]
    assert sorted(path.suffix for path in (own_data / "genres").iterdir()) == [".safetensors", ".toml"]


def test_a_repository_without_weights_is_input_that_is_missing(hub: Hub) -> None:
    hub.files = {"README.md": b"read me"}
    assert _failure() == (
        os.EX_NOINPUT,
        "studio/genres holds no weights: neither a bundle.toml nor files like vgg19_bn_cqt/save.pt",
    )


# --- a bundle ----------------------------------------------------------------------------------------------------


def test_a_bundle_comes_as_it_is_described(hub: Hub, own_data: Path) -> None:
    _offer_bundle(hub, cqt=b"first", mel=b"second")
    assert _pull() == os.EX_OK
    bundle = read_bundle(own_data / "genres")
    assert (bundle.name, bundle.trained, bundle.labels.slugs) == ("night", True, ("jazz", "rock"))
    assert [(model.name, model.profile, model.temperature) for model in bundle.models] == [
        ("resnet50_cqt", "floor80", 1.5),
        ("resnet50_mel", "floor80", 1.5),
    ]
    assert (own_data / "genres" / "weights" / "mel.safetensors").read_bytes() == b"second"
    before = len(hub.fetches)
    assert _pull() == os.EX_OK
    assert [path for path, _ in hub.fetches[before:]] == ["bundle.toml"]


def test_a_pulled_bundle_keeps_the_weights_of_its_votes(hub: Hub, own_data: Path) -> None:
    _offer_bundle(hub, cqt=b"first", mel=b"second")
    text = hub.files["bundle.toml"].decode().replace("temperature = 1.5\n", "temperature = 1.5\nweight = 0.5\n")
    hub.files["bundle.toml"] = b"ensemble_temperature = 0.9\n" + text.encode()
    assert _pull() == os.EX_OK
    bundle = read_bundle(own_data / "genres")
    assert bundle.ensemble_temperature == 0.9
    assert bundle.weights == {"resnet50_cqt": 0.5, "resnet50_mel": 0.5}


def test_only_the_chosen_models_of_a_bundle_are_fetched(hub: Hub, own_data: Path) -> None:
    _offer_bundle(hub, cqt=b"first", mel=b"second")
    assert _pull("resnet50_mel") == os.EX_OK
    assert _names(own_data / "genres") == ["resnet50_mel"]
    assert [path for path, _ in hub.fetches] == ["bundle.toml", "weights/mel.safetensors"]


def test_a_file_that_is_not_the_described_one_is_not_even_fetched(
    hub: Hub, own_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _offer_bundle(hub, cqt=b"first", mel=b"second")
    hub.files["weights/cqt.safetensors"] = b"other"
    assert _pull() == os.EX_CONFIG
    assert (
        f"weights/cqt.safetensors: has the SHA-256 {_sha256(b'other')}, bundle.toml there expects {_sha256(b'first')}"
        in capsys.readouterr().err
    )
    assert _names(own_data / "genres") == ["resnet50_mel"]
    assert "weights/cqt.safetensors" not in dict(hub.fetches)


def test_a_file_outside_lfs_is_checked_as_well(hub: Hub, own_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _offer_bundle(hub, cqt=b"first", mel=b"second")
    hub.in_git |= {"weights/cqt.safetensors", "weights/mel.safetensors"}
    hub.files["weights/cqt.safetensors"] = b"other"
    assert _pull() == os.EX_CONFIG
    assert f"expects {_sha256(b'first')}" in capsys.readouterr().err
    assert _names(own_data / "genres") == ["resnet50_mel"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name = "night"', "name = 3", "studio/genres/bundle.toml: 'name' is 3, expected a text"),
        ('"weights/cqt.safetensors"', '"../cqt.safetensors"', "expected a path inside the bundle's folder"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused(hub: Hub, old: str, new: str, sentence: str) -> None:
    _offer_bundle(hub, cqt=b"first")
    hub.files["bundle.toml"] = hub.files["bundle.toml"].replace(old.encode(), new.encode())
    with pytest.raises(WeightsError) as caught:
        _pull()
    assert sentence in str(caught.value)


@pytest.mark.parametrize(("file", "sentence"), [("gone.pt", "does not hold it"), ("run.sh", "is no weight file")])
def test_only_weight_files_that_are_there_are_taken(
    hub: Hub, own_data: Path, capsys: pytest.CaptureFixture[str], file: str, sentence: str
) -> None:
    _offer_bundle(hub, cqt=b"first")
    hub.files["bundle.toml"] = hub.files["bundle.toml"].replace(b"weights/cqt.safetensors", file.encode())
    hub.files["run.sh"] = b"first"
    assert _pull() == os.EX_CONFIG
    assert sentence in capsys.readouterr().err
    assert not (own_data / "genres" / file).exists()


def test_a_bundle_of_other_labels_does_not_take_them(hub: Hub, tmp_path: Path) -> None:
    _offer_bundle(hub, cqt=b"first")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "bundle.toml").write_text(_BUNDLE.replace("rock", "folk"), encoding="utf-8")
    with pytest.raises(BundleError, match="are not those of studio/genres: label 2 is 'folk' in the first and 'rock'"):
        _pull(bundle=tmp_path / "b")


# --- cut, resumed, checked ---------------------------------------------------------------------------------------


def test_a_cut_connection_is_taken_up_where_it_was_cut(hub: Hub, own_data: Path) -> None:
    content = os.urandom(CHUNK + 60_000)
    _offer_bundle(hub, cqt=content)
    file = "weights/cqt.safetensors"
    hub.cuts[file] = CHUNK + 40_000
    assert _pull() == os.EX_OK
    assert [span for path, span in hub.fetches if path == file] == [None, f"bytes={CHUNK}-"]
    assert (own_data / "genres" / file).read_bytes() == content


def test_the_next_call_goes_on_where_the_last_one_stopped(hub: Hub, own_data: Path) -> None:
    content = os.urandom(CHUNK + 60_000)
    _offer_bundle(hub, cqt=content)
    file = "weights/cqt.safetensors"
    hub.cuts[file] = CHUNK + 40_000
    hub.broken_once_cut = True
    exit_code, sentence = _failure()
    assert exit_code == os.EX_TEMPFAIL
    assert (
        sentence
        == f"{file}: {hub.address} answers 503 for studio/genres; the same command, later, goes on where it stopped"
    )
    part = own_data / "genres" / ".downloads" / f"{_sha256(content)}.part"
    assert part.read_bytes() == content[:CHUNK]
    assert not (own_data / "genres" / "bundle.toml").exists()
    hub.broken.clear()
    hub.fetches.clear()
    assert _pull() == os.EX_OK
    assert [span for path, span in hub.fetches if path == file] == [f"bytes={CHUNK}-"]
    assert (own_data / "genres" / file).read_bytes() == content
    assert not part.parent.exists()


def test_a_part_of_other_bytes_is_found_out_and_removed(
    hub: Hub, own_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytes(range(256)) * 4
    _offer_bundle(hub, cqt=content)
    part = own_data / "genres" / ".downloads" / f"{_sha256(content)}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    assert _pull() == os.EX_CONFIG
    assert "it was removed" in capsys.readouterr().err
    assert _pull() == os.EX_OK


def test_a_part_that_is_too_long_is_begun_anew(hub: Hub, own_data: Path) -> None:
    _offer_bundle(hub, cqt=b"first")
    part = own_data / "genres" / ".downloads" / f"{_sha256(b'first')}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"first and more")
    assert _pull() == os.EX_OK
    assert (own_data / "genres" / "weights" / "cqt.safetensors").read_bytes() == b"first"


def test_content_of_another_hash_than_the_hubs_is_removed(
    hub: Hub, own_data: Path, upstream_file: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files = {CQT: upstream_file, MEL: upstream_file + b"\n"}
    hub.told[CQT] = "0" * 64
    assert _pull() == os.EX_CONFIG
    assert (
        f"studio/genres/{CQT}: came with the SHA-256 {_sha256(upstream_file)}, the hub says {'0' * 64}; it was removed"
        in capsys.readouterr().err
    )
    assert not (own_data / "genres" / ".downloads").exists()
    assert _names(own_data / "genres") == ["mobilenet_v3_large_mel"]


def test_two_calls_do_not_write_the_same_file(hub: Hub, own_data: Path) -> None:
    content = b"first"
    _offer_bundle(hub, cqt=content)
    part = own_data / "genres" / ".downloads" / f"{_sha256(content)}.part"
    part.parent.mkdir(parents=True)
    program = (
        "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert _failure() == (os.EX_TEMPFAIL, "weights/cqt.safetensors is being fetched by another process")
        other.communicate(b"\n")


# --- what cannot be had ------------------------------------------------------------------------------------------


def _failure(name: str = "studio/genres", revision: str | None = None) -> tuple[int, str]:
    with pytest.raises(PullError) as caught:
        pull(Repository(name, revision), bundle=None, words=())
    assert "\n" not in str(caught.value)
    return caught.value.exit_code, str(caught.value)


def test_a_repository_that_is_not_there_is_input_that_is_missing(hub: Hub) -> None:
    assert _failure("studio/none") == (os.EX_NOINPUT, f"{hub.address} has no studio/none")


def test_a_revision_that_is_not_there_is_input_that_is_missing(hub: Hub) -> None:
    assert _failure(revision="v9") == (os.EX_NOINPUT, f"{hub.address} has no revision 'v9' of studio/genres")


@pytest.mark.parametrize(
    ("error", "exit_code", "sentence"),
    [
        (
            (401, ""),
            os.EX_UNAVAILABLE,
            "answers 401 for studio/genres: it does not exist, or wants a login; set HF_TOKEN",
        ),
        ((401, "GatedRepo"), os.EX_UNAVAILABLE, "gives studio/genres only to those it was granted to"),
        ((403, "GatedRepo"), os.EX_UNAVAILABLE, "gives studio/genres only to those it was granted to"),
        ((403, ""), os.EX_UNAVAILABLE, "answers 403 for studio/genres"),
        ((429, ""), os.EX_TEMPFAIL, "answers 429 for studio/genres; the same command, later, goes on"),
        ((500, ""), os.EX_TEMPFAIL, "answers 500 for studio/genres; the same command, later, goes on"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(hub: Hub, error: tuple[int, str], exit_code: int, sentence: str) -> None:
    hub.error = error
    found = _failure()
    assert found[0] == exit_code
    assert found[1].startswith(f"{hub.address} {sentence}")


def test_a_login_page_is_no_hub(hub: Hub) -> None:
    hub.page = b"<html>Welcome to the hotel</html>"
    assert _failure() == (os.EX_UNAVAILABLE, f"{hub.address} answers as no hub does")


def test_a_name_that_is_none_is_wrong_usage(hub: Hub) -> None:
    exit_code, sentence = _failure("a/b/c")
    assert exit_code == os.EX_USAGE
    assert "'a/b/c' is no name of a repository" in sentence
    assert not hub.fetches


def test_a_full_disk_is_told_and_what_came_is_kept(hub: Hub, own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 400
    _offer_bundle(hub, cqt=content)
    really = http_get

    def onto_a_full_disk(url: str, file: BinaryIO, **options: Any) -> None:
        if url.endswith("bundle.toml"):
            really(url, file, **options)
            return
        file.write(content[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(repository, "http_get", onto_a_full_disk)
    exit_code, sentence = _failure()
    assert exit_code == os.EX_TEMPFAIL
    folder = own_data / "genres" / ".downloads"
    assert sentence.startswith(f"weights/cqt.safetensors cannot be written to {folder}: No space left on device; ")
    assert (folder / f"{_sha256(content)}.part").read_bytes() == content[:1000]


def test_the_command_speaks_to_the_hub_of_the_environment(
    hub: Hub, own_data: Path, tmp_path: Path, upstream_file: bytes
) -> None:
    hub.files = {CQT: upstream_file}
    environment = os.environ | {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
    }

    def ccmusicd(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "ccmusicd", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment | more,
        )

    done = ccmusicd("weights", "pull", "studio/genres", "--models", "fast")
    assert (done.returncode, done.stderr) == (0, "")
    assert "imported mobilenet_v3_large_cqt" in done.stdout
    assert _names(own_data / "genres") == ["mobilenet_v3_large_cqt"]
    assert not (tmp_path / "hf").exists()
    away = ccmusicd("weights", "pull", "studio/genres", HF_ENDPOINT="http://127.0.0.1:9")
    assert away.returncode == os.EX_UNAVAILABLE
    assert away.stderr.startswith("ccmusicd: http://127.0.0.1:9 cannot be reached (")
    assert away.stderr.count("\n") == 1
    offline = ccmusicd("weights", "pull", "studio/genres", HF_HUB_OFFLINE="1")
    assert (offline.returncode, offline.stdout) == (os.EX_UNAVAILABLE, "")
    assert offline.stderr == f"ccmusicd: HF_HUB_OFFLINE forbids asking {hub.address}\n"
