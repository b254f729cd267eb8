"""The genres that a bundle knows, in the order of its logits."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ccmusic_stream.errors import BundleError

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Label:
    """One class: `slug` for machines (topic names, JSON keys), `en` and `zh` for people.

    `music` is False for speech and the like: on air, talk is not a genre. `parent` is the slug of the wider genre that
    the class belongs to, which need not be a class itself; None where there is none.
    """

    slug: str
    en: str
    zh: str
    music: bool = True
    parent: str | None = None

    def __post_init__(self) -> None:
        for what, slug in (("slug", self.slug), ("parent", self.parent)):
            if slug is not None and not _SLUG.fullmatch(slug):
                raise BundleError(f"label {what} {slug!r} must be 1 to 64 letters, digits, '_' or '-', as in 'hip_hop'")


class Labels:
    """The classes of a bundle in the order of its logits; slugs are unique, and there are at least two."""

    def __init__(self, labels: Sequence[Label]) -> None:
        if len(labels) < 2:
            raise BundleError(f"a bundle needs at least 2 labels, this one has {len(labels)}")
        self._labels = tuple(labels)
        self.slugs: tuple[str, ...] = tuple(label.slug for label in self._labels)
        repeated = sorted({slug for slug in self.slugs if self.slugs.count(slug) > 1})
        if repeated:
            raise BundleError(f"label slugs must differ, but {', '.join(repeated)} stands more than once")
        self._by_slug = {label.slug: label for label in self._labels}

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[Label]:
        return iter(self._labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and self._labels == other._labels

    def __hash__(self) -> int:
        return hash(self._labels)

    def named(self, slug: str) -> Label:
        """The label with this slug; `KeyError` when there is none."""
        return self._by_slug[slug]
