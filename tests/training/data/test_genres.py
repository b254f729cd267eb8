"""Names of genres become slugs."""

import pytest

from ccmusic_stream.labels import Label
from training.data.genres import GenreNameError, GenreNames

LABELS = (Label("hip_hop", "Hip-hop", "说唱"), Label("rnb", "R&B", "R&B"), Label("jazz", "Jazz", "爵士"))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Hip-Hop", "hip_hop"),
        ("hiphop", "hip_hop"),
        ("Rap", "hip_hop"),
        ("R&B", "rnb"),
        ("soul", "rnb"),
        ("Soul-RnB", "rnb"),
        ("爵士", "jazz"),
        ("Drum & Bass", "drum_bass"),
        ("Música", "musica"),
        ("International", "international"),  # these labels have no world
    ],
)
def test_names_with_labels(name: str, slug: str) -> None:
    assert GenreNames(LABELS).slug(name) == slug


def test_an_alias_needs_its_label_but_without_labels_all_count() -> None:
    without_rnb = GenreNames(LABELS[::2])
    assert without_rnb.slug("Soul") == "soul"
    assert without_rnb.slug("R&B") == "r_b"
    assert GenreNames().slug("Soul") == "rnb"
    assert GenreNames().slug("International") == "world"


def test_a_name_without_letters_for_a_slug_is_refused() -> None:
    with pytest.raises(GenreNameError, match="古典"):
        GenreNames(LABELS).slug("古典")
