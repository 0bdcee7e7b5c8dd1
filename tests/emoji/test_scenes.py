"""The embedded world: every scene tells the truth, and training never meets what is held out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from t2i_studio.emoji.captions import Asked, Mixture, Request, caption
from t2i_studio.emoji.scenes import SCENE_SIZE, compose, masks, relation_of, render, scene_of_seed
from t2i_studio.emoji.splits import SPLIT_NAMES, load_splits, make_splits
from t2i_studio.emoji.sprites import sprite
from t2i_studio.emoji.vocabulary import COLOURS, NOUNS, RELATIONS


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_splits_hold_every_pair_and_combination_once() -> None:
    splits = load_splits()
    pairs = [p for name in SPLIT_NAMES for p in splits.pairs[name]]
    colours = [c for name in SPLIT_NAMES for c in splits.colours[name]]
    assert sorted(pairs) == sorted(tuple(sorted(p)) for p in combinations(NOUNS, 2))
    assert sorted(colours) == sorted((c, n) for c in COLOURS for n in NOUNS)
    assert min(len(splits.pairs[name]) for name in SPLIT_NAMES) >= 30


def test_the_committed_splits_are_the_ones_that_the_code_makes() -> None:
    made, splits = make_splits(), load_splits()
    for name in SPLIT_NAMES:
        assert frozenset(made["pairs"][name]) == splits.pairs[name]
        assert frozenset(made["colours"][name]) == splits.colours[name]


def test_training_never_meets_what_is_held_out() -> None:
    splits = load_splits()
    mixture = Mixture(single=0.2, pair=0.3, triple=0.3, count=0.1, relation=0.1, coloured=0.6)
    met_pairs, met_colours = set(), set()
    for seed in range(3000):
        scene = scene_of_seed(seed, mixture)
        nouns = sorted({o.noun for o in scene.objects})
        met_pairs |= set(combinations(nouns, 2))
        met_colours |= {(o.colour, o.noun) for o in scene.objects if o.colour}
    assert not met_pairs & splits.pairs["test_unseen"]
    assert not met_colours & splits.colours["test_unseen"]
    assert len(met_pairs) == 276 - len(splits.pairs["test_unseen"])
    assert len(met_colours) == 264 - len(splits.colours["test_unseen"])


def test_nouns_that_are_drawn_often_come_three_times_as_often() -> None:
    mixture = Mixture(single=1, pair=0, triple=0, count=0, relation=0, often=("chair", "bird"))
    drawn = [scene_of_seed(seed, mixture).objects[0].noun for seed in range(1500)]
    usual = [noun for noun in NOUNS if noun not in mixture.often]
    often, others = (sum(map(drawn.count, names)) / len(names) for names in (mixture.often, usual))
    assert 2.2 < often / others < 4


@pytest.mark.parametrize("mirrored", [0.0, 1.0])
def test_objects_stand_as_they_are_drawn_unless_asked(mirrored: float) -> None:
    scenes = [scene_of_seed(seed, Mixture(mirrored=mirrored)) for seed in range(20)]
    flips = [placed.flip for scene in scenes for placed in scene.objects]
    assert np.mean(flips) == mirrored
    plain = [scene_of_seed(seed) for seed in range(20)]
    assert [[o.box for o in s.objects] for s in scenes] == [[o.box for o in s.objects] for s in plain]


def test_same_number_same_scene() -> None:
    assert scene_of_seed(5) == scene_of_seed(5)
    assert scene_of_seed(5) != scene_of_seed(6)


@pytest.mark.parametrize("seed", range(12))
def test_masks_are_where_the_picture_differs_from_its_background(seed: int) -> None:
    scene = scene_of_seed(seed)
    picture = np.asarray(render(scene)).astype(int)
    assert picture.shape == (SCENE_SIZE, SCENE_SIZE, 3)
    differs = np.abs(picture - np.array(scene.background)).max(-1) > 60
    found = masks(scene)
    assert found.shape[0] == len(scene.request.asked)
    assert found.any((1, 2)).all()
    assert not (found.sum(0) > 1).any()
    assert (differs & ~found.any(0)).sum() < 0.02 * differs.sum() + 20


def test_masks_lie_in_their_boxes() -> None:
    scene = compose(Request((Asked("cat"), Asked("apple", "green", 3))), rng(), "")
    for i, mask in enumerate(masks(scene)):
        boxes = [o.box for o in scene.objects if o.subject == i]
        assert len(boxes) == (1, 3)[i]
        outside = mask.copy()
        for x0, y0, x1, y1 in boxes:
            assert mask[y0:y1, x0:x1].any()
            outside[y0:y1, x0:x1] = False
        assert not outside.any()


@pytest.mark.parametrize("relation", list(RELATIONS))
def test_relations_hold(relation: str) -> None:
    for seed in range(10):
        scene = compose(Request((Asked("dog"), Asked("car")), relation), rng(seed))
        assert relation_of(*scene.objects) == relation
        assert any(wording in scene.caption for wording in RELATIONS[relation])


@pytest.mark.parametrize("noun", NOUNS)
def test_recolouring_moves_the_mean_towards_the_colour(noun: str) -> None:
    for colour in ("red", "blue", "green"):
        pixels = np.asarray(sprite(noun, colour)).astype(float)
        mean = pixels[pixels[..., 3] > 200][:, :3].mean(0)
        assert mean.argmax() == np.argmax(COLOURS[colour]), (noun, colour, mean)


def test_captions_word_counts_and_articles() -> None:
    texts = {caption(Request((Asked("elephant"),)), rng(i)) for i in range(40)}
    assert texts == {"a elephant", "an elephant"}
    assert caption(Request((Asked("mouse", None, 3),)), rng()) == "three mice"
    assert "glasses" in {caption(Request((Asked("glasses"),)), rng(i)) for i in range(40)}
