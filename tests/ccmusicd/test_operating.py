"""The operator's guide: its commands run as they stand there, its settings load, its metrics are those of a daemon."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment
from prometheus_client.parser import text_string_to_metric_families

from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import NoticeEvent
from ccmusicd.hub import About, ModelInfo, StationInfo
from ccmusicd.publish.homeassistant import HomeAssistant
from ccmusicd.publish.record import Record
from ccmusicd.publish.topics import notices
from ccmusicd.settings import load

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/operating.md"
EXAMPLES = ROOT / "docs/operating"
ADDRESS = "http://127.0.0.1:8765"
OF_PROMETHEUS = {"up"}
"""Metrics that Prometheus makes itself, of every scrape."""
PROGRAMS = {
    "make",
    "apt-get",
    "systemctl",
    "ccmusic-stream-setup",
    "ccmusicd",
    "dpkg",
    "uv",
    "printf",
    "tee",
    "install",
    "journalctl",
}

Start = Callable[..., Any]
RealPart = Callable[[str], str]


def blocks(kind: str) -> list[str]:
    """The guide's fenced blocks of that kind, such as `sh run`, in order."""
    found: list[str] = re.findall(
        rf"^```{kind}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, kind
    return found


class Machine:
    """The guide's folders in one of the test, and its commands there; `sudo` is left away."""

    def __init__(self, folder: Path, address: str = ADDRESS) -> None:
        self.state, self.etc, self.backups = folder / "state", folder / "etc", folder / "backups"
        self._places = {
            "/var/lib/ccmusic-stream": str(self.state),
            "/etc/ccmusic-stream": str(self.etc),
            "/var/backups/ccmusic-stream": str(self.backups),
            ADDRESS: address,
        }
        for path in (self.etc, self.backups):
            path.mkdir()

    def run(self, block: str, **environment: str) -> str:
        """What the block prints; the test fails when one of its commands does."""
        for place, here in self._places.items():
            block = block.replace(place, here)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f'sudo() {{ "$@"; }}\n{block}'],
            env=os.environ | {"PATH": path} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{block}\n{ended.stderr}"
        return ended.stdout


CONFIGURATION = """
[stations.studio]
input = "demo"
name = "Studio A"
"""


def rows(file: Path) -> list[Any]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute("SELECT station, kind, start_us FROM segments ORDER BY start_us").fetchall()
    finally:
        connection.close()


def test_every_command_runs_as_written_and_the_metrics_are_the_daemons(
    daemon: Start, wait_until: Callable[..., None], tmp_path: Path, real_part: RealPart
) -> None:
    for program in ("curl", "sqlite3", "openssl"):
        real_part(program)
    (tmp_path / "config.toml").write_text(CONFIGURATION)
    running = daemon("--config", str(tmp_path / "config.toml"))
    wait_until(lambda: running.address, 120, "the daemon's address")
    machine = Machine(tmp_path, running.address)
    (machine.etc / "config.toml").write_text(CONFIGURATION)
    file = machine.state / "timeline.sqlite"
    wait_until(lambda: file.exists() and rows(file), 120, "a row of the record")
    wait_until(lambda: (running.get("/api/v1/now") or {"stations": {}})["stations"], 120, "the station")

    printed = "".join(machine.run(block) for block in blocks("sh run"))

    assert '"name": "Studio A"' in printed  # config show
    assert re.fullmatch(r"[0-9a-f]{32}\n", (machine.etc / "web_token").read_text())
    assert (machine.etc / "web_token").stat().st_mode & 0o777 == 0o600
    assert "\nok\n" in printed  # integrity_check
    assert '"status":' in printed  # /healthz
    assert 'ccmusic_part_up{part="timeline"} 1.0' in printed
    assert '"id":"studio"' in printed.replace(" ", "")
    with urllib.request.urlopen(f"{running.address}/metrics", timeout=10) as answer:
        check_metrics(answer.read().decode())

    assert running.terminate() == 0
    kept = rows(machine.backups / "timeline.sqlite")
    assert kept
    file.write_bytes(b"not a database any more")
    (block,) = blocks("sh restore")
    machine.run(block)
    assert rows(file) == kept
    assert len((machine.backups / "all.csv").read_text().splitlines()) == len(kept) + 1


def check_metrics(text: str) -> None:
    """Guide, alert rules and dashboard name metrics that the daemon has; the guide names each of its own."""
    families = list(text_string_to_metric_families(text))
    samples: set[str] = set()
    for family in families:
        ends = {
            "counter": ("_total",),
            "histogram": ("_bucket", "_sum", "_count"),
            "info": ("_info",),
        }.get(family.type, ("",))
        samples |= {family.name + end for end in ends}
        samples |= {sample.name for sample in family.samples}
    for name, expressions in {"rules": rule_expressions(), "dashboard": dashboard_expressions()}.items():
        used = set().union(*map(metrics_in, expressions))
        assert used - OF_PROMETHEUS <= samples, (name, used - OF_PROMETHEUS - samples)
        assert len([metric for metric in used if metric.startswith("ccmusic_")]) >= 10
    shown = set(
        re.findall(r"`(ccmusic_\w+)`", "".join(re.findall(r"^\| `ccmusic_.*", GUIDE.read_text(), re.MULTILINE)))
    )
    # A histogram stands in the table by its family's name.
    own = {name for name in samples if name.startswith("ccmusic_") and not name.endswith("_created")}
    own = {re.sub(r"(_bucket|_sum|_count)$", "", name) for name in own}
    assert shown == own


def rule_expressions() -> Iterator[str]:
    rules = yaml.safe_load((EXAMPLES / "prometheus-rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert rule["annotations"]["summary"]
            yield rule["expr"]


def dashboard_expressions() -> Iterator[str]:
    board = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def metrics_in(expression: str) -> set[str]:
    """The names of an expression that are metrics: what is no function, label, keyword or text."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\$\w+', lambda found: "{}" if found[0][0] == "{" else " ", expression)
    bare = re.sub(r"\b(on|by|ignoring|without)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"label_values\((\w+)(\{\})?,\s*\w+\)", r"\1", bare)
    names = re.findall(r"\b([a-z_][a-z0-9_]*)\b(?!\s*\()", re.sub(r"\[[^\]]*\]", " ", bare))
    return set(names) - {"and", "or", "unless", "by", "on"}


def test_metrics_are_found_in_expressions() -> None:
    assert metrics_in('rate(a_total{x="b_c"}[10m]) / on (job) (sum by (le) (b_bucket) + c) and d == 1') == {
        *("a_total", "b_bucket", "c", "d"),
    }


def test_a_dump_of_postgresql_brings_everything_back(postgres_url: str, tmp_path: Path, real_part: RealPart) -> None:
    real_part("pg_dump")
    record = Record(postgres_url)
    record.open()
    record.recover(["main"], 1_769_860_800_000_000)
    machine = Machine(tmp_path)
    address = postgres_url.replace("+psycopg", "")
    dump, restore = blocks("sh postgres")
    machine.run(dump, DATABASE=address)
    before = record.segments()
    record.close()
    machine.run('psql --quiet "$DATABASE" --command "DROP TABLE segments, titles"', DATABASE=address)
    machine.run(restore, DATABASE=address)
    record.open()
    assert record.segments() == before
    record.close()


def test_settings_of_the_guide_load(tmp_path: Path) -> None:
    for number, text in enumerate(blocks("toml")):
        file = tmp_path / f"{number}.toml"
        file.write_text(text)
        settings = load(file).model_dump()
        for table, values in tomllib.loads(text).items():
            for key, value in values.items():
                if not isinstance(value, dict):
                    assert settings[table][key] == value


def test_commands_for_root_are_sound() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for block in blocks("sh root"):
        subprocess.run(["bash", "-n", "-c", block], check=True)
        for command in re.split(r"\n|&&|\|", block.replace("\\\n", " ")):
            words = [word for word in command.split() if word not in {"sudo", "-u", "ccmusic"}]
            if not words:
                continue
            assert words[0] in PROGRAMS, command
            if words[0] == "make":
                assert re.search(rf"^{words[1]}:.*## ", makefile, re.MULTILINE)
            if words[0] in {"systemctl", "journalctl"} and words[1] != "daemon-reload":
                assert (ROOT / "systemd" / f"{words[2]}.service").is_file(), command
    for text in blocks("yaml"):
        assert yaml.safe_load(text)["rule_files"] == ["prometheus-rules.yml"]


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE.read_text(encoding="utf-8")):
        assert (GUIDE.parent / target).exists(), target


def announced() -> dict[str, Any]:
    """What Home Assistant is told of the guide's station."""
    labels = Labels((Label("jazz", "Jazz", "爵士", music=True), Label("speech", "Speech", "语音", music=False)))
    about = About(
        node="radio",
        bundle="starter",
        trained=True,
        labels=labels,
        models=(ModelInfo("one", "vgg19_bn", "cqt"),),
        stations=(StationInfo("studio", "Studio A", "demo", checks=frozenset({"dead_air"})),),
    )
    return dict(json.loads(HomeAssistant("homeassistant", "ccmusic", "radio").announcement(about.stations[0], about)))


def test_home_assistants_automations_name_entities_that_are_announced() -> None:
    device = announced()
    entities = {
        f"{component['platform']}.{slug(device['device']['name'])}_{slug(component['name'])}"
        for component in device["components"].values()
    }
    automations = yaml.safe_load((EXAMPLES / "homeassistant.yaml").read_text())
    assert len({automation["id"] for automation in automations}) == len(automations) == 3
    text = json.dumps(automations)
    named = set(re.findall(r"\b(?:binary_sensor|sensor|switch)\.\w+", text))
    assert named <= entities, named - entities
    (to,) = [trigger["to"] for trigger in automations[0]["triggers"]]
    assert to in device["components"]["genre"]["options"]


def slug(name: str) -> str:
    """As Home Assistant makes entities' ids of names in Latin letters."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def test_home_assistants_message_says_what_is_wrong() -> None:
    automations = yaml.safe_load((EXAMPLES / "homeassistant.yaml").read_text())
    notice = NoticeEvent("studio", "dead_air", "", "raised", "alarm", 1, 2, "No signal since 12:00.", {})
    attributes = json.loads(notices([notice]))
    template = automations[1]["actions"][0]["data"]["message"]
    home = ImmutableSandboxedEnvironment()
    home.globals["state_attr"] = lambda _entity, name: attributes[name]
    assert home.from_string(template).render() == "No signal since 12:00."


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_every_example_is_named_in_the_guide(name: str) -> None:
    assert f"operating/{name}" in GUIDE.read_text()
