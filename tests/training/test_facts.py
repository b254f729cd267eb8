"""Facts of composed pieces as yes-or-no answers."""

from collections.abc import Mapping

import numpy as np

from training.facts import FactVocabulary


def _piece(tempo: float, families: list[str]) -> Mapping[str, object]:
    return {"tempo": tempo, "metre": 4, "pattern": "swing", "families": families, "effects": {"reverb": 0.2}}


def test_only_facts_that_tell_pieces_apart_become_words() -> None:
    pieces = [_piece(120.0, ["piano", "reed"] if number % 2 else ["piano"]) for number in range(20)]
    pieces[0] = _piece(60.0, ["piano"])
    assert FactVocabulary.of(pieces).names == ("families:reed",)
    assert FactVocabulary.of(pieces, least=1).names == ("families:reed", "tempo:0", "tempo:4")
    assert FactVocabulary.of([]).size == 0


def test_a_piece_is_encoded_in_the_words_order_and_a_recording_is_unknown() -> None:
    words = FactVocabulary(("effects:reverb", "families:piano", "families:reed", "metre:4", "pattern:swing", "tempo:4"))
    np.testing.assert_array_equal(words.encode(_piece(121.0, ["piano"])), [1, 1, 0, 1, 1, 1])
    np.testing.assert_array_equal(words.encode({}), [0, 0, 0, 0, 0, 0])
    unknown = words.encode(None)
    assert unknown.shape == (6,)
    assert unknown.dtype == np.float32
    assert np.isnan(unknown).all()
    assert FactVocabulary(()).encode(None).shape == (0,)
