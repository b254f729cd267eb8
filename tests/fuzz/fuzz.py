"""Fuzzing that is guided by what the code covers, for as long as one likes: `make fuzz SECONDS=600`, for each target.

Inputs that went deep are kept in `.cache/fuzz/TARGET/corpus`, and what broke a target beside it.

    python -m tests.fuzz.fuzz SECONDS [TARGET …]
"""

import re
import subprocess
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ccmusicd", "ccmusic_stream"]):
    from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parents[2] / ".cache" / "fuzz"
LONGEST_BYTES = 16_384
LONGEST_S = 10
"""An input that takes so long is a find, too."""

MOST_MEBIBYTES = 4_096


def main() -> None:
    """Fuzz one target after the other, each in a process of its own: libFuzzer ends the one that it runs in."""
    seconds, *names = sys.argv[1:]
    broken = []
    for name in names or sorted(TARGETS):
        print(f"--- {name}", flush=True)  # noqa: T201
        if subprocess.run([sys.executable, "-m", "tests.fuzz.fuzz", "--one", name, seconds], check=False).returncode:
            broken.append(name)
    sys.exit(f"broken: {', '.join(broken)}" if broken else 0)


def fuzz(name: str, seconds: str) -> None:
    """Fuzz one target; does not return."""
    target, folder = TARGETS[name], FOLDER / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed{number}").write_bytes(seed)
        target.run(seed)  # whatever is built once is built before a clock runs
    words = folder / "tokens"
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in target.tokens if token))
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST_BYTES,
        "timeout": LONGEST_S,
        "rss_limit_mb": MOST_MEBIBYTES,
        "dict": words,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
    }
    atheris.Setup([name, *(f"-{key}={value}" for key, value in options.items()), str(corpus)], target.run)
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return re.sub(rb"[^ !#-\[\]-~]", lambda found: b"\\x%02x" % found[0][0], token).decode()


if __name__ == "__main__":
    fuzz(*sys.argv[2:4]) if sys.argv[1:2] == ["--one"] else main()
