"""Real parts on the loopback that tests and drills start, feed, freeze, kill and stop again, by their process."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

WaitUntil = Callable[..., None]


def accepts(port: int) -> bool:
    """Whether somebody listens on a port of the loopback."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    if process is not None:
        process.wait()


class Icecast:
    """An Icecast server on the loopback and the encoders that feed it."""

    PASSWORD = "hackme"  # noqa: S105  # of a server that lives for one test

    def __init__(self, program: str, ffmpeg: str, port: int, folder: Path, wait_until: WaitUntil) -> None:
        self.port = port
        self._ffmpeg = ffmpeg
        self._wait_until = wait_until
        self._feeders: list[subprocess.Popen[bytes]] = []
        config = folder / "icecast.xml"
        # Icecast refuses to run as root, and gives itself another user where it is told one.
        owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>" if os.getuid() == 0 else ""
        config.write_text(
            f"""<icecast>
              <limits><clients>20</clients><sources>4</sources><burst-size>16384</burst-size>
                <source-timeout>5</source-timeout></limits>
              <authentication><source-password>{self.PASSWORD}</source-password><admin-user>admin</admin-user>
                <admin-password>{self.PASSWORD}</admin-password></authentication>
              <hostname>127.0.0.1</hostname>
              <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
              <paths><basedir>{folder}</basedir><logdir>{folder}</logdir><webroot>/usr/share/icecast2/web</webroot>
                <adminroot>/usr/share/icecast2/admin</adminroot></paths>
              <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>1</loglevel></logging>
              <security><chroot>0</chroot>{owner}</security>
            </icecast>"""
        )
        self._server = subprocess.Popen(
            [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: accepts(port), what="Icecast's port")

    def url(self, mount: str) -> str:
        """The address that listeners use."""
        return f"http://127.0.0.1:{self.port}/{mount}"

    def feed(self, mount: str, *, frequency: int = 440) -> "subprocess.Popen[bytes]":
        """Play an endless sine as MP3 to `mount`; returns once the mount can be listened to."""
        source = f"sine=frequency={frequency}:sample_rate=44100"
        feeder = subprocess.Popen(
            [
                *(self._ffmpeg, "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", source, "-ac", "2"),
                *("-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3", "-content_type", "audio/mpeg"),
                f"icecast://source:{self.PASSWORD}@127.0.0.1:{self.port}/{mount}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._feeders.append(feeder)
        self._wait_until(lambda: self.admin("listclients", mount=mount), timeout_s=60, what=f"the mount {mount}")
        return feeder

    def admin(self, command: str, **query: str) -> bool:
        """Call Icecast's administration; whether it accepted."""
        query = {key: value if key != "mount" else f"/{value}" for key, value in query.items()}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/admin/{command}?{urllib.parse.urlencode(query)}"
        )
        pair = base64.b64encode(f"admin:{self.PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {pair}")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def title(self, mount: str, title: str) -> None:
        """Change the title of `mount`, as a studio's software does."""
        assert self.admin("metadata", mount=mount, mode="updinfo", song=title, charset="UTF-8")

    def stop(self) -> None:
        """End it and its feeders."""
        for process in [*self._feeders, self._server]:
            _end(process)


class Pulse:
    """A PulseAudio server of its own with the null sink `station`; ALSA's default device is the sink's monitor."""

    def __init__(self, program: str, ffmpeg: str, folder: Path, wait_until: WaitUntil) -> None:
        self._program = program
        self._ffmpeg = ffmpeg
        self._folder = folder
        self._wait_until = wait_until
        self._socket = folder / "native"
        self._server: subprocess.Popen[bytes] | None = None
        self._feeders: list[subprocess.Popen[bytes]] = []
        asound = folder / "asound.conf"
        asound.write_text(
            "</usr/share/alsa/alsa.conf>\n"
            'pcm.studio { type pulse device "station.monitor" hint { show on description "Studio" } }\n'
            'pcm.!default { type pulse device "station.monitor" }\n'
            "ctl.!default { type pulse }\n"
        )
        self.environment = {
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_RUNTIME_PATH": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "HOME": str(folder),
            "ALSA_CONFIG_PATH": str(asound),
        }

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._server = subprocess.Popen(
            [
                *(self._program, "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no"),
                *("--high-priority=no", "--disable-shm=yes", "--log-target=stderr", "--log-level=error"),
                *("-L", "module-null-sink sink_name=station rate=48000 channels=2"),
                *("-L", f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}"),
            ],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until(self._socket.exists, what="PulseAudio's socket")

    def feed(self, frequency: int) -> None:
        """Play an endless sine into the sink."""
        source = f"sine=frequency={frequency}:sample_rate=48000"
        self._feeders.append(
            subprocess.Popen(
                [
                    *(self._ffmpeg, "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", source),
                    *("-f", "pulse", "-device", "station", "sine"),
                ],
                env=os.environ | self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def unload(self) -> None:
        """The device goes away, as one that is unplugged."""
        self._control("unload-module", "module-null-sink")

    def load(self) -> None:
        """The device is there again."""
        self._control("load-module", "module-null-sink", "sink_name=station", "rate=48000", "channels=2")

    def _control(self, *order: str) -> None:
        subprocess.run(["pactl", *order], env=os.environ | self.environment, check=True, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """The server dies at once."""
        _end(self._server)

    def freeze(self) -> None:
        """The server stops in its tracks, its connections open."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it and its feeders."""
        for process in [*self._feeders, self._server]:
            _end(process)


class Broker:
    """A Mosquitto on a loopback port, to be stopped, frozen and killed."""

    def __init__(self, program: str, folder: Path, port: int, wait_until: WaitUntil) -> None:
        self.port = port
        self.url = f"mqtt://127.0.0.1:{port}"
        self._program = program
        self._config = folder / "mosquitto.conf"
        self._folder = folder
        self._wait_until = wait_until
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, password: tuple[str, str] | None = None, lines: tuple[str, ...] = ()) -> None:
        """Start, and wait until it accepts."""
        config = [f"listener {self.port} 127.0.0.1", *lines]
        if os.geteuid() == 0:
            config.insert(0, "user root")
        if password is None:
            config.append("allow_anonymous true")
        else:
            known = self._folder / "passwords"
            tool = shutil.which("mosquitto_passwd") or "mosquitto_passwd"
            subprocess.run([tool, "-b", "-c", str(known), *password], check=True, capture_output=True)
            config += ["allow_anonymous false", f"password_file {known}"]
        self._config.write_text("\n".join(config) + "\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=log, stderr=log)
        self._wait_until(lambda: accepts(self.port), what="Mosquitto's port")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9, whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Postgres:
    """A PostgreSQL of the tests' own on a port of the loopback: as another user, where the tests are root's."""

    PASSWORD = "hush-hush"  # noqa: S105 - of nothing that outlives the test

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self.port = port
        self._programs, self._data = programs, folder / "data"
        self._as: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if os.geteuid() == 0:  # which it refuses to run as
            self._as |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        password = folder / "password"
        password.write_text(self.PASSWORD)
        password.chmod(0o644)
        line = f"initdb -N -U tests -A scram-sha-256 --pwfile={password} -E UTF8 --locale=C -D {self._data}".split()
        subprocess.run([programs / line[0], *line[1:]], check=True, **self._as)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        line = f"-D {self._data} -p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._server = subprocess.Popen([self._programs / "postgres", *line.split()], **self._as)
        deadline = time.monotonic() + 60
        while True:
            with suppress(psycopg.OperationalError):
                self.ask("SELECT 1", "postgres")
                return
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """Throw every client out and stop it."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(60)
            self._server = None

    def ask(self, statement: str, database: str) -> list[Any]:
        """The rows of a statement, outside any transaction."""
        address = self.url(database).replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def url(self, database: str) -> str:
        """Its address as the daemon is given it."""
        return f"postgresql+psycopg://tests:{self.PASSWORD}@127.0.0.1:{self.port}/{database}"
