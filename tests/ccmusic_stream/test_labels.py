"""The labels of a bundle: what they refuse and how they are found."""

import pytest

from ccmusic_stream.errors import BundleError
from ccmusic_stream.labels import Label, Labels

JAZZ = Label("jazz", "Jazz", "爵士")
TALK = Label("speech", "Speech", "语音", music=False)


def test_keeps_the_order_of_the_logits() -> None:
    labels = Labels([TALK, JAZZ])
    assert labels.slugs == ("speech", "jazz")
    assert list(labels) == [TALK, JAZZ]
    assert len(labels) == 2


def test_finds_a_label_by_its_slug() -> None:
    labels = Labels([TALK, JAZZ])
    assert labels.named("jazz") is JAZZ
    assert not labels.named("speech").music
    with pytest.raises(KeyError):
        labels.named("Jazz")


def test_is_equal_to_labels_of_the_same_order_only() -> None:
    assert Labels([TALK, JAZZ]) == Labels([TALK, JAZZ])
    assert hash(Labels([TALK, JAZZ])) == hash(Labels([TALK, JAZZ]))
    assert Labels([TALK, JAZZ]) != Labels([JAZZ, TALK])
    assert Labels([TALK, JAZZ]) != Labels([TALK, Label("jazz", "Jazz", "爵士乐")])
    assert Labels([TALK, JAZZ]) != (TALK, JAZZ)


@pytest.mark.parametrize("slug", ["a", "hip_hop", "Soul_or_r_and_b", "2-step", "x" * 64])
def test_accepts_slugs_that_fit_into_topics_and_addresses(slug: str) -> None:
    assert Label(slug, "", "").slug == slug


@pytest.mark.parametrize("slug", ["", "_a", "-a", "a b", "a/b", "a+", "a#", "é", "爵士", "jazz\n", "a\x00b", "x" * 65])
def test_refuses_slugs_that_do_not(slug: str) -> None:
    with pytest.raises(BundleError, match="must be 1 to 64 letters, digits"):
        Label(slug, "Jazz", "爵士")


def test_names_the_slugs_that_stand_more_than_once() -> None:
    with pytest.raises(BundleError, match=r"but jazz, speech stands more than once"):
        Labels([TALK, JAZZ, TALK, JAZZ, Label("pop", "Pop", "流行")])


@pytest.mark.parametrize("labels", [[], [JAZZ]])
def test_refuses_fewer_than_two_classes(labels: list[Label]) -> None:
    with pytest.raises(BundleError, match=f"at least 2 labels, this one has {len(labels)}"):
        Labels(labels)
