"""Tests of bundles side by side: their models together, and labels that must mean the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ccmusic_stream.errors import BundleError
from ccmusic_stream.labels import Label, Labels
from ccmusic_stream.models.bundle import Bundle, read_bundle
from ccmusic_stream.models.joined import joined, labels_difference

_STARTER = read_bundle(Path(__file__).parents[3] / "weights" / "starter")
_LABELS = _STARTER.labels


def _bundle(name: str, *models: int, trained: bool = True, labels: Labels = _LABELS) -> Bundle:
    folder = Path("/bundles") / name
    specs = tuple(replace(_STARTER.models[index], folder=folder, weight=1.0) for index in models)
    return Bundle(name, trained, labels, specs, (folder,))


def test_one_bundle_is_left_as_it_is() -> None:
    assert joined([_STARTER]) is _STARTER


def test_models_stand_side_by_side_and_know_their_folders() -> None:
    both = joined([_bundle("one", 0, 1), _bundle("two", 2)])
    assert both.name == "one+two"
    assert [model.name for model in both.models] == ["vgg19_bn_cqt", "resnet50_mel", "densenet121_cqt"]
    assert [model.folder.name for model in both.models] == ["one", "one", "two"]
    assert both.folders == (Path("/bundles/one"), Path("/bundles/two"))
    assert both.labels == _LABELS


def test_models_of_equal_name_are_told_apart_by_their_bundle() -> None:
    both = joined([_bundle("one", 0, 1), _bundle("Late night!", 0, 2)])
    assert [model.name for model in both.models] == [
        "vgg19_bn_cqt_one",
        "resnet50_mel",
        "vgg19_bn_cqt_Late_night_",
        "densenet121_cqt",
    ]


@pytest.mark.parametrize(("one", "two", "both"), [(True, True, True), (True, False, False), (False, True, False)])
def test_the_whole_is_trained_only_if_all_is(one: bool, two: bool, both: bool) -> None:
    assert joined([_bundle("one", 0, trained=one), _bundle("two", 1, trained=two)]).trained is both


def test_a_bundle_of_labels_alone_takes_nothing_away() -> None:
    assert joined([_bundle("labels", trained=False), _bundle("two", 1)]).trained
    assert not joined([_bundle("labels", trained=False), _bundle("two", trained=False)]).trained


def test_models_keep_their_weights() -> None:
    one, two = _bundle("one", 0, 1), _bundle("two", 0)
    heavy = replace(one, models=(replace(one.models[0], weight=2.5), one.models[1]))
    assert joined([heavy, two]).weights == {"vgg19_bn_cqt_one": 2.5, "resnet50_mel": 1.0, "vgg19_bn_cqt_two": 1.0}


def test_ensemble_temperatures_that_agree_stay_and_others_meet_by_the_weight_of_their_models() -> None:
    def tempered(bundle: Bundle, temperature: float) -> Bundle:
        return replace(bundle, ensemble_temperature=temperature)

    one, two = tempered(_bundle("one", 0, 1), 0.8), tempered(_bundle("two", 2), 0.8)
    labels = tempered(_bundle("labels"), 5.0)
    assert joined([one, two, labels]).ensemble_temperature == 0.8
    assert joined([labels, _bundle("none")]).ensemble_temperature == 1.0
    assert joined([one, tempered(two, 1.6)]).ensemble_temperature == pytest.approx(0.8 * 2 ** (1 / 3))


def _swapped(labels: list[Label]) -> list[Label]:
    return [labels[0], labels[2], labels[1], *labels[3:]]


def _shorter(labels: list[Label]) -> list[Label]:
    return labels[:-1]


def _speechless(labels: list[Label]) -> list[Label]:
    return [*labels[:-1], replace(labels[-1], music=True)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_swapped, "label 2 is 'jazz' in the first and 'electronic' in the second"),
        (_shorter, "the first has 13 labels and the second 12"),
        (_speechless, "label 13, 'speech', is music in one and not in the other"),
    ],
)
def test_the_first_difference_of_labels_is_named(change: Callable[[list[Label]], list[Label]], sentence: str) -> None:
    other = _bundle("two", 1, labels=Labels(change(list(_LABELS))))
    with pytest.raises(BundleError) as caught:
        joined([_bundle("one", 0), other])
    assert str(caught.value) == f"bundles 'one' and 'two' cannot be joined: {sentence}"


def test_words_for_people_may_differ() -> None:
    assert labels_difference(_LABELS, Labels([replace(label, en="x", zh="x", parent="x") for label in _LABELS])) is None


def test_two_bundles_of_one_name_are_refused() -> None:
    with pytest.raises(BundleError, match="two bundles are called 'one'"):
        joined([_bundle("one", 0), _bundle("one", 1)])


def test_a_suffix_that_makes_two_names_alike_is_refused() -> None:
    first = _bundle("one", 0, 1)
    first = replace(first, models=(first.models[0], replace(first.models[0], name="vgg19_bn_cqt_two")))
    with pytest.raises(BundleError, match="vgg19_bn_cqt_two stands more than once"):
        joined([first, _bundle("two", 0)])
