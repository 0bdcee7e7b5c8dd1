"""Asked against found, intervals, suites, tables: no pictures."""

from __future__ import annotations

import pytest

from t2i_studio.emoji.boxes import overlap
from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.emoji.splits import load_splits
from t2i_studio.errors import InputError
from t2i_studio.evaluation import SUITES, Found, Judged, choose_items, choose_judge, markdown, rows, score
from t2i_studio.intervals import clustered, wilson


def seen(noun: str, x: float = 10, y: float = 10, colour: str | None = None, side: float = 30) -> Found:
    return Found(noun, colour, (x, y, x + side, y + side), 0.9, 0.04)


CAT_AND_DOG = Request((Asked("cat"), Asked("dog")))


@pytest.mark.parametrize(
    ("request_", "found", "present", "exact"),
    [
        (CAT_AND_DOG, [seen("cat"), seen("dog", 80)], True, True),
        (CAT_AND_DOG, [seen("cat")], False, False),
        (CAT_AND_DOG, [], False, False),
        (CAT_AND_DOG, [seen("cat"), seen("dog", 80), seen("dog", 80, 80)], True, False),
        (Request((Asked("apple", None, 3),)), [seen("apple", i * 40) for i in range(3)], True, True),
        (Request((Asked("apple", None, 3),)), [seen("apple", i * 40) for i in range(2)], False, False),
        (Request((Asked("apple", None, 3),)), [seen("apple", i * 30) for i in range(4)], True, False),
        (Request((Asked("bowl", "blue"),)), [seen("bowl", colour="blue")], True, True),
        (Request((Asked("bowl", "blue"),)), [seen("bowl", colour="red")], False, False),
        (Request((Asked("car", "blue"),)), [seen("car")], False, False),
        (Request((Asked("apple", "red"),)), [seen("apple")], True, True),  # the apple's own colour
        (Request((Asked("cat"),)), [seen("cat", colour="blue")], True, True),  # no colour was asked
    ],
)
def test_what_counts(request_: Request, found: list[Found], present: bool, exact: bool) -> None:
    got = score(request_, found)
    assert (got.present, got.exact) == (present, exact)
    assert got.quality == (pytest.approx(0.04) if found else None)


@pytest.mark.parametrize(
    ("relation", "cat", "counts"),
    [("left", (5, 50), True), ("right", (5, 50), False), ("above", (50, 5), True), ("below", (50, 95), True),
     ("left", (48, 50), False), ("above", (20, 30), False)],
)  # fmt: skip
def test_position_goes_by_the_dominant_offset(relation: str, cat: tuple[int, int], counts: bool) -> None:
    request = Request((Asked("cat"), Asked("dog")), relation)
    assert score(request, [seen("cat", *cat), seen("dog", 50, 50)]).present is counts


def test_overlap_of_boxes() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_wilson_agrees_with_known_values() -> None:
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(1.0, 20)[1] == 1.0


def test_seeds_of_one_prompt_do_not_count_as_independent() -> None:
    same = clustered([[True] * 4] * 10 + [[False] * 4] * 10)
    mixed = clustered([[True, False, True, False]] * 20)
    assert same[0] == mixed[0] == 0.5
    assert same[2] - same[1] > 1.5 * (mixed[2] - mixed[1])
    assert same[1:] == pytest.approx(wilson(0.5, 20), abs=0.01)
    assert clustered([]) == (0.0, 0.0, 1.0)
    assert clustered([[True] * 4] * 5)[1] == wilson(1.0, 5)[0]


def test_suite_keeps_seen_and_unseen_apart() -> None:
    splits = load_splits()
    items = SUITES["emoji-geneval"]()
    assert {item.task for item in items} == {"single", "two", "counting", "colours", "position", "attribution"}
    assert len({item.prompt for item in items if item.task != "position"}) == len(
        [item for item in items if item.task != "position"]
    )
    for item in items:
        nouns = [asked.noun for asked in item.request.asked]
        if len(nouns) == 2:
            assert splits.may_train_pair(*nouns) == (item.split == "seen"), item
        if item.task == "colours":
            asked = item.request.asked[0]
            assert splits.may_train_colour(asked.colour, asked.noun) == (item.split == "seen")  # type: ignore[arg-type]
    assert items == SUITES["emoji-geneval"]()


def test_settings_are_searched_on_other_pairs_than_tables_are_made_of() -> None:
    tuning, test = (choose_items(f"attend-and-excite-{name}") for name in ("tuning", "test"))
    assert (len(tuning), len(test)) == (36, 96)
    assert not {item.prompt for item in tuning} & {item.prompt for item in test}
    assert {item.task for item in test} == {"animals", "animals-objects", "objects"}
    assert {item.prompt for item in (*tuning, *test)} < {item.prompt for item in choose_items("attend-and-excite")}


def test_prompts_read_well() -> None:
    prompts = {item.prompt for item in SUITES["emoji-geneval"]()}
    assert "a photo of an elephant" in prompts
    assert any(" to the left of a" in prompt for prompt in prompts)
    assert any(prompt.startswith("a photo of three ") for prompt in prompts)


def test_items_are_chosen_by_task_and_number() -> None:
    items = choose_items("emoji-geneval", ("two", "single"), 5)
    assert [(task, len([i for i in items if (i.task, i.split) == (task, split)])) for task, split in (
        ("single", "seen"), ("two", "seen"), ("two", "unseen"),
    )] == [("single", 5), ("two", 5), ("two", 5)]  # fmt: skip
    assert len(items) == 15


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (lambda: choose_items("emoji-genval"), "Did you mean 'emoji-geneval'"),
        (lambda: choose_items("emoji-geneval", ("twoo",)), "Did you mean 'two'"),
        (lambda: choose_items("emoji-geneval", (), 0), "1 or more"),
        (lambda: choose_judge("nobody"), "Known: emoji-matcher"),
    ],
)
def test_wrong_names_are_told(work, told: str) -> None:
    with pytest.raises(InputError, match=told):
        work()


def test_table_has_a_row_a_task_with_intervals() -> None:
    judged = [
        Judged("two", "seen", f"p{i}", seed, present=i < 3, exact=i < 2, quality=0.1, found=())
        for i in range(4) for seed in range(2)
    ]  # fmt: skip
    (row,) = rows(judged)
    assert (row.num_prompts, row.num_pictures) == (4, 8)
    assert (row.present[0], row.exact[0]) == (0.75, 0.5)
    assert "| two, seen | 4 | 8 | 0.75 [" in markdown([row])
