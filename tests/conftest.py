"""What tests share: real parts of this machine, small bundles, and the daemon as a process."""

import os
import shutil
import socket
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.parts import Broker, Icecast, Postgres, Pulse, WaitUntil
from tests.running import Daemon, Subscriber

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers that share the cores wait for each other's threads, a hundred times too long: each test, and each process
    # that it starts, computes on one. Set before anything imports torch.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

_REAL_MUSIC = os.environ.get("CCMUSIC_TEST_AUDIO", Path(__file__).resolve().parents[2] / "shared" / "audio")

LONG = (
    *("ccmusicd/test_main_job.py", "ccmusicd/test_article.py", "ccmusicd/test_app.py", "ccmusicd/test_programme.py"),
    *("packaging/test_wheel.py", "faults/test_daemon.py", "ccmusic_stream/test_ccmusic_profile.py"),
    *("ccmusicd/test_analyzer.py", "faults/test_sources.py", "ccmusicd/test_clips.py", "ccmusicd/test_conversion.py"),
    *("ccmusicd/test_reload.py", "ccmusicd/capture/music/composers/test_reproducible.py", "ccmusicd/test_sandbox.py"),
    *("training/test_train.py", "ccmusicd/test_viewer_clip.py", "web_viewer/test_past.py"),
)
"""Files whose tests take long: begun first, lest the last of them keep one worker while the others rest."""

RealPart = Callable[[str], str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; the others well mixed, so that what computes and what waits run side by side."""
    folder = Path(__file__).parent
    places = {folder / name: place for place, name in enumerate(LONG)}
    mixed = {item.path: zlib.crc32(str(item.path.relative_to(folder)).encode()) for item in items}
    items.sort(key=lambda item: (places.get(item.path, len(places)), mixed[item.path]))


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Caches, bundles and settings of the tests and their processes: not the user's, and one for all of a session."""
    base = tmp_path_factory.getbasetemp()
    of_all_workers = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(of_all_workers / "cache"))  # a conversion takes seconds: once for all
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.delenv("CACHE_DIRECTORY", raising=False)
        for name in [name for name in os.environ if name.startswith("CCMUSIC_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def real_part() -> RealPart:
    """Path of an installed program by its name; the test is skipped without it, and fails where CI=true."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if path is None:
            message = f"{name} is not installed"
            if os.environ.get("CI") == "true":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture(scope="session")
def real_music() -> list[Path]:
    """Recordings, one of each genre, that are not part of the project: the test is skipped where there are none."""
    first_of_each = {path.parent: path for path in sorted(Path(_REAL_MUSIC).glob("eval/*/*.opus"), reverse=True)}
    if not first_of_each:
        pytest.skip("no recordings: CCMUSIC_TEST_AUDIO names a folder with eval/GENRE/*.opus")
    return sorted(first_of_each.values())


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A TCP port of the loopback that nobody listens on."""

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return int(listener.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    """Wait, without an event loop, until a condition holds; the test fails at the deadline."""

    def wait(condition: Callable[[], object], timeout_s: float = 10.0, what: str = "the condition") -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"{what} did not come true within {timeout_s:g} s")
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Of module scope: while it lives, playwright's loop counts as running, and no asyncio test elsewhere could start.
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder that other users may enter, since servers give up root; short, since paths of sockets are."""
    with tempfile.TemporaryDirectory(prefix="ccm") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def icecast(
    real_part: RealPart, free_port: Callable[[], int], wait_until: WaitUntil, folder: Path
) -> Iterator[Icecast]:
    """A running Icecast server."""
    server = Icecast(real_part("icecast2"), real_part("ffmpeg"), free_port(), folder, wait_until)
    yield server
    server.stop()


@pytest.fixture
def pulse(real_part: RealPart, wait_until: WaitUntil, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    """A running PulseAudio server; this process's environment leads PortAudio's children to it."""
    server = Pulse(real_part("pulseaudio"), real_part("ffmpeg"), folder, wait_until)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(
    real_part: RealPart, free_port: Callable[[], int], wait_until: WaitUntil, tmp_path: Path
) -> Iterator[Broker]:
    """Not started yet: that is for the test."""
    broker = Broker(real_part("mosquitto"), tmp_path, free_port(), wait_until)
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def postgres_server(free_port: Callable[[], int]) -> Iterator[Postgres]:
    """PostgreSQL, running; the test is skipped where it is not installed, and fails where CI=true."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        message = "postgresql is not installed"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="ccmusic-postgres-"))
    try:
        server = Postgres(found[-1], folder, free_port())
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """The address of a new, empty database."""
    name = f"test_{time.monotonic_ns()}"
    postgres_server.ask(f"CREATE DATABASE {name}", "postgres")
    return postgres_server.url(name)


BUNDLE = """
name = "light"
labels = [
    { slug = "jazz", en = "Jazz", zh = "爵士", music = true },
    { slug = "rock", en = "Rock", zh = "摇滚", music = true },
    { slug = "speech", en = "Speech", zh = "语音", music = false },
]
"""

MODEL = """
[[models]]
name = "mobilenet_v3_large_{kind}"
backbone = "mobilenet_v3_large"
spectrogram = "{kind}"
head = "gap"
profile = "seed"
seed = {seed}
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
temperature = {temperature}
"""


@pytest.fixture(scope="session")
def light_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small untrained models whose low temperature makes them sure of themselves: some genre is always on air."""
    folder = tmp_path_factory.mktemp("light")
    models = [MODEL.format(kind=kind, seed=seed, temperature=0.01) for kind, seed in (("cqt", 1), ("mel", 1))]
    (folder / "bundle.toml").write_text(BUNDLE + "".join(models), encoding="utf-8")
    return folder


@pytest.fixture
def daemon(tmp_path: Path, light_bundle: Path) -> Iterator[Callable[..., Daemon]]:
    """Start daemons with the light bundle, a free port and a state folder of their own; all are stopped at the end."""
    started: list[Daemon] = []

    def start(*arguments: str, before: Sequence[str] = (), **environment: str) -> Daemon:
        common = ["--bundle", str(light_bundle), "--listen", "127.0.0.1:0", "--state", str(tmp_path / "state")]
        started.append(Daemon([*common, *arguments], os.environ | environment, before))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def subscribe(real_part: Callable[[str], str]) -> Iterator[Callable[[int], Subscriber]]:
    """`subscribe(port)`: `mosquitto_sub` on everything below "ccmusic"."""
    running: list[Subscriber] = []

    def start(port: int) -> Subscriber:
        running.append(Subscriber(real_part("mosquitto_sub"), port))
        return running[-1]

    yield start
    for subscriber in running:
        subscriber.stop()
