"""`timeline rescore`: what the record would say, had another bundle or other thresholds judged it. Changes nothing."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusicd.comparison import Comparison
from ccmusicd.export.errors import ExportError
from ccmusicd.export.formats import OF_A_RECORDING, Format, formatted
from ccmusicd.export.pieces import cut
from ccmusicd.export.times import iso, moment, zone_of
from ccmusicd.exporting import check_station, only_station
from ccmusicd.publish.errors import MissingRecordError
from ccmusicd.publish.hops import HopBlock, Layout
from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.rows import SegmentRow
from ccmusicd.rejudging import Judge, hops_of, rejudged
from ccmusicd.stationplan import StationOptions
from ccmusicd.textout import Counted, note, output_of, progress, write

_LEAD_US = 60_000_000
"""What was heard before the range has a say in how it begins."""

_INSTEAD = "'timeline rescore --recording FILE --origin TIME' hears a recording of that time instead"


class RescoreError(CcmusicError):
    """There is nothing that the bundle could judge."""

    exit_code = os.EX_NOINPUT


@dataclass(frozen=True, slots=True)
class Networks:
    """The bundle, those of its models that vote, and how the daemon decides by them."""

    bundle: Bundle
    models: Sequence[ModelSpec]
    options: StationOptions

    @property
    def judge(self) -> Judge:
        """What makes segments of votes."""
        return Judge(
            labels=self.bundle.labels,
            models=tuple(model.name for model in self.models),
            decision=self.options.decision,
            weights={model.name: model.weight for model in self.models},
            ensemble_temperature=self.bundle.ensemble_temperature,
            trained=self.bundle.trained,
        )


@dataclass(slots=True)
class KeptHops:
    """Which hops of a record the networks can judge: those that they voted on themselves.

    What they cannot is counted by the reason; `judged` counts hops, and `unnamed` those of them of which the record
    does not say which weights voted.
    """

    networks: Networks
    judged: int = 0
    unnamed: int = 0
    left: dict[str, int] = field(default_factory=dict)
    _reasons: dict[Layout, str | None] = field(default_factory=dict, repr=False)

    def of(self, blocks: Iterable[HopBlock]) -> Iterator[HopBlock]:
        """Those of `blocks` that can be judged."""
        for block in blocks:
            if block.layout not in self._reasons:
                self._reasons[block.layout] = self.reason_against(block.layout)
            reason = self._reasons[block.layout]
            if reason is not None:
                self.left[reason] = self.left.get(reason, 0) + len(block)
                continue
            self.judged += len(block)
            self.unnamed += 0 if block.layout.networks else len(block)
            yield block

    def reason_against(self, layout: Layout) -> str | None:
        """Why hops of this layout say nothing of the networks; None if they do."""
        bundle, models = self.networks.bundle, self.networks.models
        if set(layout.labels) != set(bundle.labels.slugs):
            return f"their labels are not those of bundle {bundle.name!r}"
        missing = [model.name for model in models if model.name not in layout.models]
        if missing:
            return f"{', '.join(missing)} did not vote on them"
        if not layout.networks:
            return None if layout.bundle == bundle.name else f"bundle {layout.bundle!r} voted on them"
        voted = dict(zip(layout.models, layout.networks, strict=True))
        others = [model.name for model in models if voted[model.name] != model.fingerprint]
        return f"{', '.join(others)} had other weights then" if others else None


def rescore_hops(
    url: str,
    form: Format,
    networks: Networks,
    *,
    station: str | None,
    since: str | None,
    until: str | None,
    zone_name: str | None,
    output: Path | None,
    now_us: int,
) -> None:
    """Write the segments of the record at `url` that lie in a range as the networks' kept hops have them now.

    Times are what people write, see `moment`. What came of it is told on standard error.

    Raises:
        ExportError: a time, zone or station makes no sense.
        OutputError: the output cannot be written.
        RecordError: there is no record to read.
        RescoreError: no hop of that time can be judged; the output is left as it was.
    """
    zone = zone_of(zone_name)
    from_us, until_us = (None if text is None else moment(text, zone, now_us) for text in (since, until))
    to_us = now_us if until_us is None else until_us
    if from_us is not None and from_us >= to_us:
        raise ExportError(f"the range ends ({iso(to_us, zone)}) before it begins ({iso(from_us, zone)})")
    kept, compared = KeptHops(networks), Comparison()
    with RecordReader(url) as reader:
        stations = reader.stations()
        check_station(station, stations)
        if form in OF_A_RECORDING:
            station = only_station(station, stations, form)
        wanted = stations if station is None else [station]
        _refuse_where_nothing_can_be_judged(reader, wanted, from_us, to_us, networks)

        def anew(one: str, counted: Counted) -> Iterator[SegmentRow]:
            lead_us = None if from_us is None else from_us - _LEAD_US
            rows = counted(reader.segments(one, lead_us, to_us))
            titles = reader.titles(one, lead_us or 0, to_us)
            hops = hops_of(kept.of(reader.hops(one, lead_us, to_us)), networks.judge)
            fresh = (piece.row for piece in cut(rejudged(one, rows, titles, hops, networks.judge), from_us, to_us))
            before = (piece.row for piece in cut(reader.segments(one, from_us, to_us), from_us, to_us))
            return compared.of(before, fresh)

        count = reader.count(station, from_us, to_us)
        with output_of(output, url) as file, progress(count, file) as counted:
            pieces = cut(row for one in wanted for row in anew(one, counted))
            write(formatted(form, pieces, zone, begin_us=from_us, until_us=until_us, station=station), file)
    compared.print(Console(stderr=True))
    for reason, count in kept.left.items():
        note(f"{count} hops stay as they were judged: {reason}; {_INSTEAD}")
    if kept.unnamed:
        note(
            f"of {kept.unnamed} hops the record does not say which weights voted (an older program wrote them): "
            f"they are taken for those of bundle {networks.bundle.name!r}"
        )


def rescore_recording(
    url: str,
    form: Format,
    networks: Networks,
    *,
    recording: Path,
    origin: str,
    station: str | None,
    zone_name: str | None,
    output: Path | None,
    now_us: int,
) -> None:
    """Write the segments that the networks hear in a recording that began at `origin`; compared with the record.

    Raises:
        ExportError: a time, zone or station makes no sense.
        OutputError: the output cannot be written.
        SourceError: the recording is missing or holds no audio.
        RecordError: the record is there and cannot be read.
    """
    from ccmusicd.reheard import heard  # noqa: PLC0415 - it loads torch, which kept hops do not need

    zone = zone_of(zone_name)
    origin_us = moment(origin, zone, now_us)
    name = station or recording.stem
    compared = Comparison()
    rows = heard(recording, networks.bundle, networks.models, networks.options, name=name, origin_us=origin_us)
    end_us = rows[-1].end_us if rows else origin_us
    before = _recorded(url, station, origin_us, end_us)
    with output_of(output, url) as file:
        pieces = cut(compared.of(iter(before), iter(rows)))
        write(
            formatted(form, pieces, zone, begin_us=origin_us, until_us=end_us, station=name, audio=recording.name), file
        )
    compared.print(Console(stderr=True))


def _recorded(url: str, station: str | None, from_us: int, to_us: int) -> list[SegmentRow]:
    """What the record has of that time; nothing where there is no record."""
    if station is None:
        return []
    try:
        with RecordReader(url) as reader:
            return [piece.row for piece in cut(reader.segments(station, from_us, to_us), from_us, to_us)]
    except MissingRecordError:
        return []


def _refuse_where_nothing_can_be_judged(
    reader: RecordReader, stations: Iterable[str], from_us: int | None, to_us: int, networks: Networks
) -> None:
    layouts = {layout for station in stations for layout in reader.layouts(station, from_us, to_us)}
    reasons = [KeptHops(networks).reason_against(layout) for layout in sorted(layouts, key=Layout.to_json)]
    if None not in reasons:
        why = "; ".join(dict.fromkeys(filter(None, reasons))) or "none are kept of that time"
        raise RescoreError(f"no hop can be judged by bundle {networks.bundle.name!r}: {why}; {_INSTEAD}")
