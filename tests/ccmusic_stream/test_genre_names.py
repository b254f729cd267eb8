"""Names of genres as people write them, and the labels that they mean."""

import pytest

from ccmusic_stream.genre_names import GenreNames
from ccmusic_stream.labels import Label

LABELS = [
    Label("jazz", "Jazz", "爵士"),
    Label("rock", "Rock", "摇滚"),
    Label("classical", "Classical", "古典"),
    Label("hip_hop", "Hip-Hop", "嘻哈"),
    Label("rnb", "R&B", "节奏布鲁斯"),
    Label("speech", "Speech", "语音", music=False),
]


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("Jazz", {"jazz"}),
        ("  SMOOTH jazz ", {"jazz"}),
        ("Classic Rock", {"rock"}),
        ("Classic", {"classical"}),
        ("Classical Music", {"classical"}),
        ("hip hop / R&B", {"hip_hop", "rnb"}),
        ("Jazz, Soul;Rock|Various", {"jazz", "rnb", "rock"}),
        ("爵士乐", {"jazz"}),
        ("摇滚、古典", {"rock", "classical"}),
        ("Talk", {"speech"}),
        ("Top 40", set()),
        ("", set()),
        ("  ,;/ ", set()),
        ("x" * 100_000, set()),
        ("a " * 100_000, set()),
    ],
)
def test_free_text_means_the_labels_that_it_names(text: str, slugs: set[str]) -> None:
    assert GenreNames(LABELS).meant(text) == slugs


def test_a_wider_genre_means_all_its_labels_by_any_of_its_names() -> None:
    names = GenreNames(
        [Label("symphony", "Symphony", "交响乐", parent="classic"), Label("opera", "Opera", "戏曲", parent="classic")]
    )
    assert names.meant("Classical") == names.meant("classic") == {"symphony", "opera"}
    assert names.meant("Opera") == {"opera"}
    assert names.meant("交响乐") == {"symphony"}


def test_an_alias_counts_only_where_its_genre_is() -> None:
    assert GenreNames(LABELS[:2]).known("Soul") is None
    assert GenreNames().known("Soul") == "rnb"
    assert GenreNames(LABELS).known("Hip Hop") == "hip_hop"
