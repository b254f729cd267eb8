"""The Debian package: what it carries and what its scripts do, on folders of the test; `make try-deb` installs it."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from ccmusicd.settings import load

ROOT = Path(__file__).resolve().parents[2]
WHEEL = "ccmusic_stream-1.2.3-py3-none-any.whl"
SOFTWARE = "usr/lib/ccmusic-stream"
EPOCH = "1769860800"

RealPart = Callable[[str], str]


@pytest.fixture(scope="module")
def deb(real_part: RealPart, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of a wheel whose content does not matter to it."""
    real_part("dpkg-deb")
    folder = tmp_path_factory.mktemp("deb")
    (folder / WHEEL).write_bytes(b"what a wheel holds")
    return build(folder / WHEEL, folder / "dist")


def build(wheel: Path, folder: Path) -> Path:
    command = [ROOT / "packaging/build-deb", wheel, folder]
    environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return Path(ended.stdout.strip())


@pytest.fixture(scope="module")
def unpacked(deb: Path) -> Path:
    folder = deb.parent / "unpacked"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder], check=True)
    return folder


def test_it_carries_wheel_units_configuration_and_scripts(unpacked: Path) -> None:
    assert (unpacked / SOFTWARE / WHEEL).read_bytes() == b"what a wheel holds"
    lock = (unpacked / SOFTWARE / "requirements.lock").read_bytes()
    assert lock == (ROOT / "requirements.lock").read_bytes()
    for unit in (ROOT / "systemd").glob("*.service"):
        of_user = unit.stem.endswith("-user")
        folder = unpacked / "usr/lib/systemd" / ("user" if of_user else "system")
        name = unit.name.replace("-user.service", ".service")
        packed = (folder / name).read_text()
        assert re.search(r"^ExecStart=/usr/bin/ccmusicd run\b", packed, re.MULTILINE)
        assert ".venv" not in packed
        assert settings_of(packed) == settings_of(unit.read_text())
        added = folder / f"{name}.d/10-user.conf"
        assert not added.exists() if of_user else "User=ccmusic\n" in added.read_text()
    for name in ("postinst", "prerm", "postrm"):
        assert (unpacked / "DEBIAN" / name).stat().st_mode & 0o777 == 0o755
    assert (unpacked / "DEBIAN/conffiles").read_text() == "/etc/ccmusic-stream/config.toml\n"


def settings_of(unit: str) -> list[str]:
    """The assignments of a unit, but for where its program lies."""
    return [line for line in unit.splitlines() if "=" in line and not line.startswith(("#", "ExecStart"))]


def test_every_file_is_roots_listed_with_its_hash_and_of_the_commits_time(deb: Path, unpacked: Path) -> None:
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
    archive = deb.parent / "data.tar"
    archive.write_bytes(data)
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, int(EPOCH))}
    assert not [member.name for member in members if member.mode & 0o022]
    listed = dict(line.split("  ")[::-1] for line in (unpacked / "DEBIAN/md5sums").read_text().splitlines())
    files = {member.name[2:] for member in members if member.isfile() and not member.name.startswith("./etc/")}
    assert set(listed) == files
    for name, digest in listed.items():
        assert hashlib.md5((unpacked / name).read_bytes(), usedforsecurity=False).hexdigest() == digest


def test_control_names_what_it_needs(deb: Path) -> None:
    fields = ["Package", "Version", "Architecture", "Depends"]
    shown = subprocess.run(["dpkg-deb", "--field", deb, *fields], capture_output=True, text=True, check=True).stdout
    control = dict(line.split(": ", 1) for line in shown.splitlines())
    assert (control["Package"], control["Version"], control["Architecture"]) == ("ccmusic-stream", "1.2.3", "all")
    assert {"libportaudio2", "python3-venv", "adduser"} <= set(control["Depends"].split(", "))


def test_the_same_wheel_makes_the_same_bytes(deb: Path, tmp_path: Path) -> None:
    assert build(deb.parents[1] / WHEEL, tmp_path).read_bytes() == deb.read_bytes()


def test_its_configuration_is_the_defaults_and_shows_each(unpacked: Path, tmp_path: Path) -> None:
    packed = unpacked / "etc/ccmusic-stream/config.toml"
    assert not [table for table in tomllib.loads(packed.read_text()).values() if table]
    empty = tmp_path / "empty.toml"
    empty.touch()
    assert load(packed) == load(empty)
    uncommented = tmp_path / "uncommented.toml"
    lines = packed.read_text().splitlines()
    uncommented.write_text("\n".join(line[1:] if line[:1] == "#" and line[1:2].isalpha() else line for line in lines))
    assert tomllib.loads(uncommented.read_text()) == tomllib.loads((ROOT / "config/default.toml").read_text())


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm", "ccmusic-stream-setup", "ccmusicd"])
def test_scripts_are_what_dash_understands(name: str, real_part: RealPart) -> None:
    script = ROOT / "packaging/debian" / name
    subprocess.run([real_part("dash"), "-n", script], check=True)
    assert script.read_text().startswith("#!/bin/sh\n")


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_an_unknown_call_of_a_maintainer_script_is_refused(name: str, unpacked: Path) -> None:
    ended = subprocess.run([unpacked / "DEBIAN" / name, "dance"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "'dance'" in ended.stderr


class Setup:
    """ccmusic-stream-setup on folders of the test, with an installer that says what it was asked for."""

    INSTALLER = """#!/bin/sh
echo "$UV_TORCH_BACKEND $*" >>"$SETUP_ASKED"
[ -z "$SETUP_NO_NETWORK" ] || exit 2
printf '#!/bin/sh\\n[ %s != mismatched ] || exit 78\\n' "$SETUP_SAYS" >"$(dirname "$0")/ccmusicd"
echo "echo $SETUP_SAYS" >>"$(dirname "$0")/ccmusicd"
chmod +x "$(dirname "$0")/ccmusicd"
"""
    # In the place of Python: its `-m venv` makes a folder, its `-m pip` the installer.
    PYTHON = """#!/bin/sh
case "$*" in
*"-m venv"*) for folder in "$@"; do :; done; mkdir -p "$folder/bin" "$folder/lib"; cp "$0" "$folder/bin/python" ;;
*"-m pip"*) [ -z "$SETUP_NO_PIP" ] || exit 1; cp "$SETUP_INSTALLER" "$(dirname "$0")/uv" ;;
*--version*) echo "Python 3.11.2" ;;
esac
"""

    def __init__(self, folder: Path, unpacked: Path) -> None:
        self.software = folder / "software-home"
        shutil.copytree(unpacked / SOFTWARE, self.software)
        self.cache = folder / "cache"
        self.asked = folder / "asked"
        installer = folder / "installer"
        installer.write_text(self.INSTALLER)
        installer.chmod(0o755)
        python = folder / "python3"
        python.write_text(self.PYTHON)
        python.chmod(0o755)
        self._script = folder / "ccmusic-stream-setup"
        text = (unpacked / "usr/sbin/ccmusic-stream-setup").read_text()
        assert "readlink -f /usr/bin/python3" in text
        assert "/etc/default/ccmusic-stream" in text
        text = text.replace("readlink -f /usr/bin/python3", f"readlink -f {python}")
        self._script.write_text(text.replace("/etc/default/ccmusic-stream", str(folder / "default")))
        self._script.chmod(0o755)
        self._environment = {
            "PATH": os.environ["PATH"],
            "CCMUSIC_SOFTWARE_DIR": str(self.software),
            "CCMUSIC_SETUP_CACHE": str(self.cache),
            "SETUP_INSTALLER": str(installer),
            "SETUP_ASKED": str(self.asked),
        }

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self._script, *arguments],
            env={"SETUP_SAYS": "first", "SETUP_NO_NETWORK": "", "SETUP_NO_PIP": ""} | self._environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def says(self) -> str:
        """What the daemon that is in force prints."""
        program = self.software / "software/bin/ccmusicd"
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def setup(tmp_path: Path, unpacked: Path) -> Setup:
    return Setup(tmp_path, unpacked)


def test_setup_installs_the_wheel_within_the_constraints(setup: Setup) -> None:
    ended = setup.run()
    assert ended.returncode == 0, ended.stderr
    assert setup.says() == "first"
    asked = setup.asked.read_text()
    assert asked.startswith("auto pip install")
    assert f"--constraints {setup.software}/requirements.lock ccmusic-stream @ file://{setup.software}/{WHEEL}" in asked
    assert not setup.cache.exists()
    assert [line for line in ended.stdout.splitlines() if "of 3" in line]


def test_what_is_complete_is_not_fetched_again_unless_asked(setup: Setup) -> None:
    setup.run()
    assert setup.run(SETUP_SAYS="second").returncode == 0
    assert setup.says() == "first"
    assert setup.run("--again", SETUP_SAYS="third").returncode == 0
    assert setup.says() == "third"
    assert len(list((setup.software / "software.d").iterdir())) == 1


def test_another_build_of_torch_takes_the_place_of_the_old(setup: Setup) -> None:
    setup.run()
    assert setup.run(SETUP_SAYS="small", UV_TORCH_BACKEND="cpu", CCMUSIC_EXTRAS="postgres").returncode == 0
    assert setup.says() == "small"
    assert "ccmusic-stream[postgres] @ file://" in setup.asked.read_text().splitlines()[-1]
    assert len(list((setup.software / "software.d").iterdir())) == 1


@pytest.mark.parametrize(("cut", "words"), [("SETUP_NO_PIP", "installer uv"), ("SETUP_NO_NETWORK", "Python packages")])
def test_without_a_network_it_says_so_and_what_ran_stays(setup: Setup, cut: str, words: str) -> None:
    setup.run()
    ended = setup.run(UV_TORCH_BACKEND="cpu", SETUP_SAYS="second", **{cut: "yes"})
    assert ended.returncode == 69
    assert words in ended.stderr
    assert "is there a network" in ended.stderr
    assert "To try again" in ended.stderr
    assert setup.says() == "first"
    assert setup.run(UV_TORCH_BACKEND="cpu", SETUP_SAYS="second").returncode == 0
    assert setup.says() == "second"


def test_packages_that_do_not_go_together_are_not_put_in_force(setup: Setup) -> None:
    setup.run()
    ended = setup.run("--again", SETUP_SAYS="mismatched")
    assert ended.returncode == 70
    assert "does not load its networks" in ended.stderr
    assert setup.says() == "first"


def test_setup_refuses_what_it_does_not_know(setup: Setup) -> None:
    ended = setup.run("--help-me")
    assert ended.returncode == 64
    assert "'--help-me'" in ended.stderr


def test_the_command_says_what_is_missing(unpacked: Path) -> None:
    ended = subprocess.run([unpacked / "usr/bin/ccmusicd", "run"], capture_output=True, text=True, check=False)
    assert ended.returncode == 69
    assert "sudo ccmusic-stream-setup" in ended.stderr
