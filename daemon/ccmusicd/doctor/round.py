"""The doctor's round: every check in its turn, told in sentences or as JSON."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ccmusic_stream.errors import CcmusicError
from ccmusicd.checks import check
from ccmusicd.doctor.finding import Finding, ok, problem
from ccmusicd.doctor.machine import check_clock, check_disk, check_gpu, check_port
from ccmusicd.doctor.parts import check_broker, check_database, check_devices, check_source, check_weights
from ccmusicd.doctor.unit import check_unit
from ccmusicd.plans import mqtt_plan, record_url, station_plans
from ccmusicd.publish.broker import parse_broker
from ccmusicd.settings import Settings, bundle_names, host_and_port, model_words, state_directory
from ccmusicd.weights.bundles import models_to_use, open_bundle

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def examine(load: Callable[[], Settings], *, as_json: bool) -> int:
    """Make the round and print it; gives the exit status: 0, 69, or 78 where the configuration is to be changed."""
    findings = asyncio.run(look(load))
    if as_json:
        rows = [{key: value for key, value in asdict(each).items() if key != "exit_code"} for each in findings]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
    else:
        _print(findings)
    return max((each.exit_code for each in findings if each.level == "problem"), default=os.EX_OK)


async def look(load: Callable[[], Settings]) -> list[Finding]:
    """Everything that is found; where the configuration cannot be read, only that and what needs none."""
    try:
        settings = load()
    except CcmusicError as error:
        reason = "; ".join(str(error).splitlines())
        advice = "`ccmusicd config check` has a line for each fault."
        unusable = problem("configuration", f"It cannot be used: {reason}.", advice, os.EX_CONFIG)
        return [unusable, check_clock(), await asyncio.to_thread(check_unit)]
    plans, state = station_plans(settings, real_time=True), state_directory(settings)
    heard = [asyncio.create_task(check_source(key, plan.spec, plan.capture)) for key, plan in plans.items()]
    findings = [
        _configuration(settings),
        *await asyncio.to_thread(_weights, settings),
        await asyncio.to_thread(check_devices),
        check_gpu(settings.analyzer.device),
        check_disk(state, settings.timeline.disk_reserve_megabytes),
        await asyncio.to_thread(check_database, record_url(settings)),
        check_clock(),
        await asyncio.to_thread(check_port, *host_and_port(settings.daemon.listen)),
        await _broker(settings),
        await asyncio.to_thread(check_unit, state),
    ]
    return [*findings, *await asyncio.gather(*heard)]


def _configuration(settings: Settings) -> Finding:
    try:
        check(settings)
    except CcmusicError as error:
        reason = "; ".join(str(error).splitlines())
        return problem("configuration", f"It cannot be used: {reason}.", "Change it there.", os.EX_CONFIG)
    return ok("configuration", f"It can be used: {len(settings.stations) or 'the demo'} station(s).")


def _weights(settings: Settings) -> list[Finding]:
    try:
        bundle = open_bundle(bundle_names(settings))
        models = models_to_use(bundle, model_words(settings))
    except CcmusicError as error:
        return [problem("weights", f"{error}.", "`ccmusicd weights list` shows what there is.", os.EX_CONFIG)]
    return check_weights(bundle, models)


async def _broker(settings: Settings) -> Finding:
    try:
        plan = mqtt_plan(settings)
        if plan is None:
            return ok("broker", "Nothing is published over MQTT.")
        broker = parse_broker(plan.url, password=plan.password, ca_file=Path(plan.ca_file) if plan.ca_file else None)
    except CcmusicError as error:
        return problem("broker", f"{error}.", "Change [mqtt].", os.EX_CONFIG)
    return await check_broker(broker, f"{plan.root}-{plan.node}-doctor")


def _print(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for each in findings:
        mark = f"[{_COLOURS[each.level]}]{each.level:<8}[/]"
        console.print(f"{mark}{escape(each.part)}: {escape(each.text)}")
        if each.advice:
            console.print(f"{'':8}{escape(each.advice)}")
