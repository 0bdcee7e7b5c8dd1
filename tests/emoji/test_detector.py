"""emoji-detector's maps: objects → maps → objects, one object a place; its folder; what it learns on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from t2i_studio.emoji.detector import Detector, Maps, Network, Seen, Shape, decode, encode, load_detector, save_detector
from t2i_studio.emoji.detector.network import COLOUR_NAMES
from t2i_studio.emoji.pretrain.detector import terms
from t2i_studio.emoji.pretrain.specimens import KINDS, roughened, specimen
from t2i_studio.emoji.vocabulary import NOUNS
from t2i_studio.errors import ModelNotFound

SMALL = Shape((8, 8, 8, 8), (1, 1, 1))


def empty_maps(number: int = 1) -> Maps:
    return Maps(
        torch.full((number, len(NOUNS), 16, 16), -9.0),
        torch.zeros(number, 4, 16, 16),
        torch.zeros(number, len(COLOUR_NAMES), 16, 16),
    )


def perfect(pictures: list[tuple[Seen, ...]]) -> Maps:
    """The maps of a network that knows everything."""
    wanted = encode(pictures, 128)
    colours = torch.nn.functional.one_hot(wanted.colours, len(COLOUR_NAMES)).permute(0, 3, 1, 2) * 20.0
    return Maps(torch.logit(wanted.centres, 1e-4), wanted.boxes, colours)


def test_objects_come_back_from_their_maps() -> None:
    pictures = [
        (Seen("cat", None, (10.0, 20.0, 58.0, 70.0)), Seen("car", "red", (64.0, 64.0, 120.0, 96.0))),
        (),
        (Seen("glasses", "blue", (0.0, 5.0, 32.0, 17.0)), Seen("glasses", "green", (0.0, 20.0, 32.0, 32.0))),
    ]
    found = decode(perfect(pictures), 0.5)
    for asked, got in zip(pictures, found, strict=True):
        assert {(one.noun, one.colour) for one in got} == {(one.noun, one.colour) for one in asked}
        for one in asked:
            same = next(other for other in got if (other.noun, other.colour) == (one.noun, one.colour))
            assert same.box == pytest.approx(one.box, abs=1e-3)
            assert same.score > 0.99


def test_one_object_a_place() -> None:
    maps = empty_maps()
    cat, dog = NOUNS.index("cat"), NOUNS.index("dog")
    maps.centres[0, cat, 8, 8] = 2.0
    maps.centres[0, cat, 8, 9] = 1.0  # its neighbour: the same cat
    maps.centres[0, dog, 8, 8] = 1.5  # another name for it
    maps.centres[0, dog, 2, 2] = 3.0
    maps.colours[0, 3] = 1.0
    found = decode(maps, 0.5)[0]
    assert [one.noun for one in found] == ["cat", "dog"]
    assert found[1].box == (20 - 24, 20 - 24, 20 + 24, 20 + 24)
    assert found[0].colour == COLOUR_NAMES[3]
    assert found[1].score == pytest.approx(torch.sigmoid(torch.tensor(3.0)).item(), abs=1e-4)


def test_a_middle_on_a_border_is_shared_by_two_cells() -> None:
    maps = empty_maps()
    maps.centres[0, 0, 4, 4] = maps.centres[0, 0, 4, 5] = 0.0
    found = decode(maps, 0.6)[0]
    assert [one.score for one in found] == pytest.approx([0.75], abs=1e-3)


def test_a_small_one_inside_a_large_one_is_no_second_object() -> None:
    maps = empty_maps()
    maps.centres[0, 0, 8, 8] = 3.0
    maps.boxes[0, 2:, 8, 8] = 0.7  # 97 px
    maps.centres[0, 1, 6, 6] = 2.0
    maps.boxes[0, 2:, 6, 6] = -0.7  # 24 px, within
    assert len(decode(maps, 0.5)[0]) == 1


def test_what_is_uncertain_is_not_reported() -> None:
    maps = empty_maps()
    maps.centres[0, 0, 4, 4] = 0.0
    assert decode(maps, 0.51)[0] == ()
    assert len(decode(maps, 0.49)[0]) == 1


def test_a_perfect_network_has_no_loss_and_a_missed_object_much() -> None:
    pictures = [(Seen("cat", "red", (10.0, 20.0, 58.0, 70.0)),), ()]
    wanted = encode(pictures, 128)
    centres, boxes, colours = terms(perfect(pictures), wanted)
    assert float(centres) < 0.2
    assert float(boxes) == 0
    assert float(colours) < 1e-3
    missed, _, _ = terms(perfect([(), ()]), wanted)
    assert float(missed) > 5


def test_its_folder_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = Detector(Network(SMALL), 0.3)
    save_detector(made, tmp_path)
    again = load_detector(tmp_path)
    assert again.threshold == 0.3
    pictures = [specimen(np.random.default_rng(1)).picture]
    assert made(pictures)[0] == () == again(pictures)[0]  # nothing is learnt
    for one, other in zip(made.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one.half().float(), other)
    with pytest.raises(ModelNotFound, match="pretrain detector"):
        load_detector(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", KINDS)
def test_specimens_repeat_and_tell_the_truth(kind: str) -> None:
    for number in range(6):
        one, again = (specimen(np.random.default_rng([3, number]), kind) for _ in range(2))
        assert one.picture.size == (128, 128)
        assert one.picture.tobytes() == again.picture.tobytes()
        assert one.objects == again.objects
        if kind in ("nothing", "shuffled"):
            assert one.objects == ()
        rough, same = (roughened(one, np.random.default_rng([4, number])) for _ in range(2))
        assert rough.picture.tobytes() == same.picture.tobytes()
        assert rough.objects == one.objects


def test_every_noun_and_colour_is_learnt() -> None:
    seen = [one for i in range(600) for one in specimen(np.random.default_rng([5, i]), "scene").objects]
    assert {one.noun for one in seen} == set(NOUNS)
    assert {one.colour for one in seen} == set(COLOUR_NAMES)
