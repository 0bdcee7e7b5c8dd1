"""Subjects from hand-tagged words: no model is loaded."""

from __future__ import annotations

import pytest

from t2i_studio.errors import PromptError
from t2i_studio.prompts.grouping import find_subjects
from t2i_studio.prompts.picking import pick

CASES = {
    "a/DET cat/NOUN and/CCONJ a/DET dog/NOUN": {"cat": ("", 1), "dog": ("", 1)},
    "a/DET traffic/NOUN light/NOUN": {"traffic light": ("", 1)},
    "a/DET red/ADJ car/NOUN and/CCONJ a/DET blue/ADJ car/NOUN": {"car": ("red", 1), "car#2": ("blue", 1)},
    "a/DET big/ADJ old/ADJ red/ADJ car/NOUN": {"car": ("big old red", 1)},
    "a/DET big/ADJ ,/PUNCT old/ADJ car/NOUN": {"car": ("big old", 1)},
    "a/DET black/ADJ and/CCONJ white/ADJ cat/NOUN": {"cat": ("black white", 1)},
    "a/DET red/ADJ car/NOUN ,/PUNCT white/ADJ birds/NOUN": {"car": ("red", 1), "birds": ("white", None)},
    "three/NUM apples/NOUN and/CCONJ 2/NUM mice/NOUN": {"apples": ("", 3), "mice": ("", 2)},
    "apples/NOUN": {"apples": ("", None)},
    "two/NUM big/ADJ red/ADJ cars/NOUN": {"cars": ("big red", 2)},
    "a/DET pair/NOUN of/ADP glasses/NOUN": {"glasses": ("", 1)},
    "a/DET pair/NOUN of/ADP dogs/NOUN": {"dogs": ("", 2)},
    "three/NUM pairs/NOUN of/ADP shoes/NOUN": {"shoes": ("", 6)},
    "two/NUM glasses/NOUN": {"glasses": ("", 2)},
    "a/DET glasses/NOUN": {"glasses": ("", 1)},
    "a/DET bus/NOUN and/CCONJ a/DET sheep/NOUN": {"bus": ("", 1), "sheep": ("", 1)},
    "a/DET dozen/NOUN eggs/NOUN": {"eggs": ("", 12)},
    "many/ADJ small/ADJ birds/NOUN": {"birds": ("small", None)},
    "a/DET orange/NOUN chair/NOUN": {"chair": ("orange", 1)},
    "an/DET orange/NOUN and/CCONJ a/DET cat/NOUN": {"orange": ("", 1), "cat": ("", 1)},
    "a/DET orange/ADJ and/CCONJ a/DET cat/NOUN": {"orange": ("", 1), "cat": ("", 1)},
    "an/DET orange/ADJ and/CCONJ white/ADJ cat/NOUN": {"cat": ("orange white", 1)},
    "a/DET brown/ADJ orange/ADJ": {"orange": ("brown", 1)},
    "a/DET cat/NOUN that/PRON is/AUX orange/ADJ": {"cat": ("orange", 1)},
    "a/DET car/NOUN that/PRON is/AUX red/ADJ ,/PUNCT big/ADJ dogs/NOUN": {
        "car": ("red", 1),
        "dogs": ("big", None),
    },
    "the/DET car/NOUN is/AUX red/ADJ and/CCONJ very/ADV shiny/ADJ": {"car": ("red shiny", 1)},
    "the/DET car/NOUN is/AUX close/ADJ to/ADP a/DET tree/NOUN": {"car": ("", 1), "tree": ("", 1)},
    "a/DET glass/NOUN jar/NOUN and/CCONJ a/DET wine/NOUN glass/NOUN": {
        "jar": ("glass", 1),
        "wine glass": ("", 1),
    },
    "a/DET hot/ADJ dog/NOUN": {"hot dog": ("", 1)},
    "a/DET green/ADJ hot/ADJ dog/NOUN": {"hot dog": ("green", 1)},
    "two/NUM hot/ADJ dogs/NOUN": {"hot dogs": ("", 2)},
    "a/DET sky/NOUN blue/ADJ car/NOUN": {"car": ("sky blue", 1)},
    "a/DET sleeping/VERB cat/NOUN": {"cat": ("sleeping", 1)},
    "a/DET man/NOUN riding/VERB horses/NOUN": {"man": ("", 1), "horses": ("", None)},
    "a/DET t/NOUN _-/PUNCT _shirt/NOUN": {"t-shirt": ("", 1)},
    "a/DET long/ADJ _-/PUNCT _haired/ADJ cat/NOUN": {"cat": ("long haired", 1)},
    "a/DET dog/NOUN on/ADP top/NOUN of/ADP a/DET car/NOUN": {"dog": ("", 1), "car": ("", 1)},
    "a/DET cow/NOUN right/NOUN of/ADP a/DET tv/NOUN": {"cow": ("", 1), "tv": ("", 1)},
    "a/DET cat/NOUN to/ADP the/DET left/NOUN of/ADP a/DET dog/NOUN": {"cat": ("", 1), "dog": ("", 1)},
    "a/DET woman/NOUN in/ADP a/DET white/ADJ top/NOUN": {"woman": ("", 1), "top": ("white", 1)},
    "a/DET woman/NOUN in/ADP red/NOUN": {"woman": ("", 1)},
    "a/DET photo/NOUN of/ADP a/DET cat/NOUN": {"cat": ("", 1)},
    "a/DET painting/NOUN of/ADP a/DET cat/NOUN": {"cat": ("", 1)},
    "a/DET cat/NOUN behind/ADP a/DET painting/NOUN": {"cat": ("", 1), "painting": ("", 1)},
    "a/DET cat/NOUN ,/PUNCT oil/NOUN painting/NOUN": {"cat": ("", 1)},
    "a/DET fox/NOUN ,/PUNCT depth/NOUN of/ADP field/NOUN": {"fox": ("", 1)},
    "(/PUNCT _cat/NOUN _:/PUNCT _1.3/NUM _)/PUNCT": {"cat": ("", 1)},
    "the/DET cat/NOUN _'s/PART red/ADJ hat/NOUN": {"cat": ("", 1), "hat": ("red", 1)},
    "cat/NOUN": {"cat": ("", 1)},
    "Café/NOUN chairs/NOUN": {"café chairs": ("", None)},
    "Eiffel/PROPN Tower/PROPN": {"eiffel tower": ("", 1)},
    "./PUNCT !/PUNCT": {},
}


@pytest.mark.parametrize("source", CASES)
def test_subjects_attributes_and_counts(source: str, subjects) -> None:
    assert subjects(source) == CASES[source]


def test_a_line_break_ends_a_compound(subjects) -> None:
    assert list(subjects("traffic/NOUN light/NOUN", glue="\n")) == ["traffic", "light"]


def test_unknown_languages_keep_every_noun(subjects) -> None:
    found = subjects("une/DET photo/NOUN de/ADP 3/NUM chats/NOUN", language="fr")
    assert found == {"photo": ("", None), "chats": ("", 3)}


RED_CARS = "a/DET red/ADJ car/NOUN and/CCONJ a/DET blue/ADJ car/NOUN on/ADP the/DET left/NOUN"


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["car#2"], ["car#2"]),
        (["CAR"], ["car"]),
        (["left", "car"], ["car", "left"]),
        (["blue  Car"], ["blue car"]),
        (["red", "red"], ["red"]),
        ([], []),
    ],
)
def test_picked_words_replace_the_parsers(names: list[str], ids: list[str], tagged) -> None:
    prompt = tagged(RED_CARS)
    assert [s.id for s in pick(prompt, find_subjects(prompt), names)] == ids


@pytest.mark.parametrize("name", ["zebra", "ca", "car#3", "car#x", "", "#2", "  "])
def test_a_word_that_is_not_there_is_refused_with_the_choice(name: str, tagged) -> None:
    prompt = tagged(RED_CARS)
    with pytest.raises(PromptError, match="car, car#2"):
        pick(prompt, find_subjects(prompt), [name])


def test_a_picked_word_of_a_compound_is_that_word_alone(tagged) -> None:
    prompt = tagged("two/NUM traffic/NOUN lights/NOUN")
    (subject,) = pick(prompt, find_subjects(prompt), ["traffic"])
    assert subject.words == (1,)
