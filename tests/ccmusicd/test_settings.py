"""Where settings come from, and what is said of those that cannot be used."""

import json
import os
import re
from pathlib import Path

import pytest

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.labels import Label, Labels
from ccmusicd import programme_settings, settings
from ccmusicd.resources import resource
from ccmusicd.settings import (
    SettingsError,
    as_json,
    bundle_names,
    host_and_port,
    load,
    model_words,
    mqtt_password,
    web_token,
)
from ccmusicd.watching import check_programme, checks_of

LABELS = Labels([Label("jazz", "Jazz", "爵士"), Label("classical", "Classical", "古典")])


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("CCMUSIC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "SYSTEM_FILE", tmp_path / "none.toml")


def config(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_need_no_file() -> None:
    found = load(None)
    assert found.daemon.listen == "127.0.0.1:8765"
    assert found.daemon.node
    assert found.stations == {}
    assert found.analyzer.hop == "auto"


def test_command_line_over_environment_over_file_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = config(
        tmp_path, '[mqtt]\nroot = "file"\nkeepalive_s = 20\n[daemon]\nnode = "file"\n[silence]\nafter_s = 9\n'
    )
    monkeypatch.setenv("CCMUSIC_MQTT__ROOT", "env")
    monkeypatch.setenv("CCMUSIC_DAEMON__NODE", "env")
    found = load(file, {"daemon": {"node": "line"}})
    assert (found.daemon.node, found.mqtt.root, found.silence.after_s, found.mqtt.keepalive_s) == ("line", "env", 9, 20)
    assert found.silence.threshold_dbfs == -60.0


def test_environment_sets_a_station(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCMUSIC_STATIONS__STUDIO__INPUT", "soundcard:USB")
    assert load(None).stations["studio"].input == "soundcard:USB"


def test_input_on_the_command_line_replaces_the_stations(tmp_path: Path) -> None:
    file = config(tmp_path, '[stations.a]\ninput = "demo"\n')
    found = load(file, only_station={"input": "-", "raw_rate": 48_000})
    assert list(found.stations) == ["input"]
    assert found.stations["input"].raw_rate == 48_000


# Seen to fail without: the refusal of unknown keys.
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[daemon]\nlisten = 7\n", 2, ["daemon.listen", "string", "7"]),
        ('[daemon]\nlisten = "everywhere"\n', 2, ["daemon.listen", "'everywhere' is not an address and port"]),
        ("[silence]\n\nafter_s = -1\n", 3, ["silence.after_s", "greater than 0", "-1"]),
        ("[silence]\nthreshold_dbfs = nan\n", 2, ["silence.threshold_dbfs", "finite", "nan"]),
        ("[decision]\nenter = 1.5\n", 2, ["decision.enter", "less than or equal to 1"]),
        ('# hello\n[mqtt]\nurll = "x"\n', 3, ["mqtt.urll", "unknown key"]),
        ("[mqtts]\n", 1, ["mqtts", "unknown key"]),
        ("[mqtt]\ndiscovery_prefix = 'home/assistant'\n", 2, ["mqtt.discovery_prefix", "'/'"]),
        ("[stations.a]\nname = 'A'\n", 1, ["stations.a.input", "is missing"]),
        ("[stations.a]\ninput = 'ftp://host/x'\n", 2, ["stations.a.input", "ftp"]),
        ("[stations.'a/b']\ninput = 'demo'\n", 1, ["stations", "a/b"]),
        ("[stations.a]\ninput = '-'\nraw_format = 'mp3'\n", 3, ["stations.a.raw_format", "s16le", "mp3"]),
        ("[analyzer]\nhop = 0.2\n", 2, ["analyzer.hop", "0.2"]),
        ("[analyzer]\nhop = 'often'\n", 2, ["analyzer.hop", "often"]),
        ("[daemon]\nnode = 'a+b'\n", 2, ["daemon.node", "'+'"]),
        ("[daemon]\nstate_dir = '~nobody-here/x'\n", 2, ["daemon.state_dir", "'~nobody-here/x' has no home folder"]),
        ('[web]\ntoken_file = "/a\\u0000b"\n', 2, ["web.token_file", "holds a NUL"]),
        ("[analyzer]\nbundle = '~nobody-here/x'\n", 2, ["analyzer.bundle", "has no home folder"]),
        ('[mqtt]\nca_file = "/a\\u0000b"\n', 2, ["mqtt.ca_file", "holds a NUL"]),
        ("[stations.a]\ninput = '~nobody-here/x.mp3'\n", 2, ["stations.a.input", "has no home folder"]),
        ('[timeline]\nurl = "sqlite:///a\\u0000b"\n', 2, ["timeline.url", "holds a NUL"]),
        ("[timeline]\nkeep_days = 999_999_999\n", 2, ["timeline.keep_days", "less than or equal to 1000000"]),
        ("[timeline]\nkeep_segments_days = 1e300\n", 2, ["timeline.keep_segments_days", "1000000"]),
        ("[decision]\nenter = 0.3\nleave = 0.6\n", 3, ["decision.leave", "must not be above enter"]),
    ],
)
def test_fault_names_file_line_key_and_reason(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    file = config(tmp_path, text)
    with pytest.raises(SettingsError) as refusal:
        load(file)
    message = str(refusal.value)
    assert {one.split(":")[0] for one in message.splitlines()} == {f"{file}, line {line}"}
    assert "constrained" not in message
    for word in words:
        assert word in message


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        load(config(tmp_path, "[silence]\nafter_s = 0\n[decision]\nhold_s = -1\n"))
    assert len(str(refusal.value).splitlines()) == 2


def test_toml_that_cannot_be_read_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.toml: .*line 2"):
        load(config(tmp_path, "[daemon]\nlisten = \n"))


def test_missing_and_binary_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read: No such file"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load(tmp_path / "binary.toml")


def test_environment_faults_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCMUSIC_WEB__MAX_CLIENTS", "many")
    with pytest.raises(SettingsError, match=r"environment CCMUSIC_WEB__MAX_CLIENTS: .*'many'"):
        load(None)
    monkeypatch.setenv("CCMUSIC_WBE__X", "1")
    with pytest.raises(SettingsError, match=r"CCMUSIC_WBE__X: unknown"):
        load(None)


def test_command_line_faults_say_so() -> None:
    with pytest.raises(SettingsError, match=r"command line: daemon\.listen"):
        load(None, {"daemon": {"listen": "x"}})


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CCMUSIC_MQTT__PASSWORD", "hush-1")
    file = config(
        tmp_path,
        '[mqtt]\nurl = "mqtt://me:hush-2@host"\n[timeline]\nurl = "postgresql://me:hush-3@host/x"\n'
        '[stations.a]\ninput = "http://me:hush-4@host/live?token=hush-5"\n',
    )
    monkeypatch.setenv("CCMUSIC_WEB__TOKEN", "hush-6-of-the-web")
    found = load(file)
    shown = as_json(found)
    assert "hush" not in shown
    assert "hush" not in repr(found.web.token)
    assert web_token(found) == "hush-6-of-the-web"
    assert "hush" not in repr(found.mqtt.password)
    assert json.loads(shown)["stations"]["a"]["input"].endswith("@host/live?token=***")
    assert mqtt_password(found) == "hush-1"


@pytest.mark.parametrize(
    "text",
    [
        "[stations.a]\ninput = 'http://dj:hush@radio.example:99999/live'\n",
        "[mqtt]\npasswd = 'hush'\n",
        "[mqtt]\nurl = ['mqtt://a:hush@h']\n",
        "stations = ['http://dj:hush@x/']\n",
        "[daemon]\nlisten = 'me:hush@host'\n",
        "[web]\ntoken = 'hush'\n",
        "[web]\ntoken = 'hush with a space'\n",
    ],
)
def test_faults_do_not_repeat_what_may_be_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load(config(tmp_path, text))
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize("name", ["CCMUSIC_WEB__ALLOWED_ORIGINS", "CCMUSIC_STATIONS", "CCMUSIC_DAEMON"])
def test_environment_that_is_no_list_or_table_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "vgg19_bn_cqt")
    with pytest.raises(SettingsError, match="environment CCMUSIC_"):
        load(None)


def test_huge_numbers_and_deep_tables_are_refused_in_a_sentence(tmp_path: Path) -> None:
    for text in (f"[daemon]\nlisten = {'9' * 5_000}\n", "x = " + "[" * 5_000):
        with pytest.raises(SettingsError, match=r"config\.toml"):
            load(config(tmp_path, text))


def test_password_comes_from_the_named_file_or_the_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqtt_password").write_text("from-credentials\n")
    (tmp_path / "other").write_text("from-file\n")
    assert mqtt_password(load(None)) is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert mqtt_password(load(None)) == "from-credentials"
    assert mqtt_password(load(None, {"mqtt": {"password_file": str(tmp_path / "other")}})) == "from-file"
    with pytest.raises(SettingsError, match="cannot be read"):
        mqtt_password(load(None, {"mqtt": {"password_file": str(tmp_path / "gone")}}))


def test_the_token_comes_from_the_named_file_or_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "web_token").write_text("from-the-credentials\n")
    (tmp_path / "other").write_text("from-the-named-file\n")
    (tmp_path / "empty").write_text("\n")
    assert web_token(load(None)) is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert web_token(load(None)) == "from-the-credentials"
    assert web_token(load(None, {"web": {"token_file": str(tmp_path / "other")}})) == "from-the-named-file"
    for wrong, why in (("gone", "cannot be read"), ("empty", "a token is 12 to 256 characters")):
        with pytest.raises(SettingsError, match=why):
            web_token(load(None, {"web": {"token_file": str(tmp_path / wrong)}}))


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"tls_certificate": "/c.pem"}, "come together"),
        ({"tls_key": "/k.pem"}, "come together"),
        ({"root_path": "radio"}, "root_path"),
        ({"root_path": "/radio/"}, "root_path"),
        ({"root_path": "/a/../b"}, "root_path"),
        ({"token_for_all": "perhaps"}, "token_for_all"),
    ],
)
def test_web_settings_that_make_no_sense_are_refused(keys: dict[str, str], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        load(None, {"web": keys})


@pytest.mark.parametrize(
    ("text", "parts"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:0", ("::1", 0)), ("studio.lan:8765", ("studio.lan", 8765))],
)
def test_address_and_port(text: str, parts: tuple[str, int]) -> None:
    assert host_and_port(text) == parts


@pytest.mark.parametrize("text", ["", "8765", "host", "host:", "host:65536", "::1:80", "a b:80", "[::1]"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address and port"):
        host_and_port(text)


def test_default_file_lists_every_setting() -> None:
    """A setting that the default file does not show would be one that nobody finds."""
    text = (resource("config") / "default.toml").read_text(encoding="utf-8")
    for table, field in settings.Settings.model_fields.items():
        if table in {"stations", "hooks"}:
            continue
        assert f"[{table}]" in text
        assert field.annotation is not None
        for key in field.annotation.model_fields:
            assert key in {"password", "token"} or f"\n{key} = " in text
    examples = (resource("config") / "programme.toml").read_text(encoding="utf-8")
    for key, field in settings.StationSettings.model_fields.items():
        assert f"\n# {key} = " in text or f"[stations.studio.{key}]" in examples, field
    for model in (
        programme_settings.ProgrammeSettings,
        programme_settings.ShowSettings,
        programme_settings.QuotaSettings,
        programme_settings.DeclaredSettings,
        programme_settings.NowPlayingSettings,
        programme_settings.HookSettings,
    ):
        for key in model.model_fields:
            assert re.search(rf"(?m)^(# )?{key} = |programme\.{key}\]", examples), key


def test_the_examples_of_a_programme_can_be_used() -> None:
    found = load(resource("config") / "programme.toml")
    check_programme(found, LABELS)
    assert checks_of(found.stations["studio"], found) == {"dead_air", "quota", "show", "declared"}


def test_nothing_is_checked_unless_it_is_asked_for(tmp_path: Path) -> None:
    found = load(config(tmp_path, "[stations.a]\ninput = 'demo'\n"))
    assert checks_of(found.stations["a"], found) == frozenset()
    everywhere = load(config(tmp_path, "[dead_air]\nafter_s = 5\n[stations.a]\ninput = 'demo'\n"))
    assert checks_of(everywhere.stations["a"], everywhere) == {"dead_air"}


PROGRAMME = "[stations.a]\ninput = 'demo'\n[stations.a.programme]\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (PROGRAMME + "timezone = 'Berlin'\n", 4, ["timezone", "Berlin"]),
        (PROGRAMME + "[[stations.a.programme.quotas]]\ngenres = ['jazz']\n", 4, ["quotas.0", "at_least or at_most"]),
        (
            PROGRAMME
            + "[[stations.a.programme.quotas]]\ngenres = ['jazz']\nat_least = 0.4\n"
            + "[[stations.a.programme.quotas]]\ngenres = ['jazz']\nat_least = 1.4\n",
            9,
            ["quotas.1.at_least", "less than 1", "1.4"],
        ),
        (
            PROGRAMME + "[[stations.a.programme.quotas]]\ngenres = ['jazz']\nat_least = 0.95\n",
            4,
            ["must be less than 180 s"],
        ),
        (
            PROGRAMME
            + "[[stations.a.programme.shows]]\nname = 'x'\ndays = ['monday']\nstart = '25:00'\nend = '24:00'\n",
            7,
            ["shows.0.start", "'25:00' is no time of day"],
        ),
        ("[stations.a]\ninput = 'demo'\n[stations.a.now_playing]\nfile = 'x'\ntemplate = '{titel}'\n", 5, ["{titel}"]),
        ("[hooks.a]\non = ['dead_air']\n", 1, ["hooks.a", "url or command"]),
        ("[hooks.a]\non = ['quiet']\nurl = 'https://x'\n", 2, ["hooks.a.on", "dead_air"]),
        ("[hooks.a]\non = ['quota']\nurl = 'file:///etc/passwd'\n", 3, ["hooks.a.url", "https://host/path"]),
        ("[hooks.a]\non = ['quota']\ncommand = ['x', '{title}']\n", 3, ["hooks.a.command", "{title}", "{station}"]),
        ("[dead_air]\nclear_after_s = 1\n", 2, ["dead_air.clear_after_s", "3"]),
    ],
)
def test_faults_of_a_programme_name_their_place(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    file = config(tmp_path, text)
    with pytest.raises(SettingsError) as refusal:
        load(file)
    message = str(refusal.value)
    assert f"{file}, line {line}:" in message, message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            PROGRAMME + "[[stations.a.programme.quotas]]\ngenres = ['jaz']\nat_least = 0.4\n",
            "quotas: 'jaz' is no genre",
        ),
        (PROGRAMME + "calendar = '/nowhere/shows.ics'\n", "No such file"),
        (
            "[stations.a]\ninput = 'demo'\n[hooks.b]\non = ['quota']\nstations = ['c']\nurl = 'https://x'\n",
            "no station 'c'",
        ),
        ("[hooks.b]\non = ['quota']\ngenres = ['jaz']\nurl = 'https://x'\n", "hooks.b.genres: 'jaz'"),
        ("[hooks.b]\non = ['quota']\nurl = 'https://x'\nsecret_file = '/nowhere'\n", "/nowhere: cannot be read"),
        ("[hooks.b]\non = ['quota']\nurl = 'https://x'\nca_file = '/nowhere'\n", "hooks.b.ca_file"),
        (
            "[stations.a]\ninput = 'demo'\n[stations.a.now_playing]\nfile = '/nowhere/x'\n",
            "there is no folder /nowhere",
        ),
        (
            f"[stations.a]\ninput = 'demo'\n[stations.a.now_playing]\nfile = '/{'x' * 300}/x'\n",
            f"there is no folder /{'x' * 300}",
        ),
    ],
)
def test_faults_that_the_bundle_or_the_disk_shows(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CcmusicError, match=re.escape(words)) as refusal:
        check_programme(load(config(tmp_path, text)), LABELS)
    assert getattr(refusal.value, "exit_code", os.EX_CONFIG) == os.EX_CONFIG


def test_addresses_of_hooks_are_shown_without_secrets(tmp_path: Path) -> None:
    text = "[hooks.a]\non = ['quota']\nurl = 'https://user:hush@host/path?token=hush'\n"
    assert "hush" not in as_json(load(config(tmp_path, text)))


def test_bundles_and_models_are_one_name_or_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(None)
    assert (bundle_names(found), model_words(found)) == (["starter"], ["all"])
    found = load(config(tmp_path, '[analyzer]\nbundle = ["starter", "/b"]\nmodels = ["light", "resnet50_mel"]\n'))
    assert (bundle_names(found), model_words(found)) == (["starter", "/b"], ["light", "resnet50_mel"])
    monkeypatch.setenv("CCMUSIC_ANALYZER__MODELS", "fast")
    monkeypatch.setenv("CCMUSIC_ANALYZER__BUNDLE", '["a", "b"]')
    found = load(config(tmp_path, '[analyzer]\nbundle = "c"\nmodels = []\n'))
    assert (bundle_names(found), model_words(found)) == (["a", "b"], ["fast"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bundle = []", "analyzer.bundle: "),
        ("bundle = 3", "analyzer.bundle: Input should be a valid string (it is 3)"),
        ("models = [3]", "analyzer.models.0: Input should be a valid string (it is 3)"),
    ],
)
def test_what_is_no_name_and_no_list_of_names_is_refused_by_its_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(config(tmp_path, f"[analyzer]\n{text}\n"))
    assert words in str(caught.value)
    assert "str:" not in str(caught.value)


def test_a_station_may_be_called_like_a_type(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"stations\.str\.raw_rate: "):
        load(config(tmp_path, '[stations.str]\ninput = "demo"\nraw_rate = 1\n'))
