"""Replacing tasks inside arguments leaves everything else as it was."""

import pickle
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import pytest

from fasti._places import Bindings, Place, places_in, substitute

Pair = namedtuple("Pair", "left right")


def swap(leaf: Any) -> Any:
    return "value" if isinstance(leaf, Place) else leaf


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Place("t"), "value"),
        ([1, Place("t")], [1, "value"]),
        ((1, [Place("t")]), (1, ["value"])),
        ({"k": Place("t")}, {"k": "value"}),
        ({"a", "b"}, {"a", "b"}),
        (Pair(1, Place("t")), Pair(1, "value")),
        (OrderedDict(x=Place("t")), OrderedDict(x="value")),
    ],
)
def test_places_are_filled_in_containers(before: Any, after: Any) -> None:
    made = substitute(before, swap)
    assert made == after
    assert type(made) is type(after)


def test_sets_and_keys() -> None:
    assert substitute({Place("t")}, swap) == {"value"}
    assert substitute({Place("t"): 1}, swap) == {"value": 1}


def test_containers_without_places_are_the_same_objects() -> None:
    inner = [1, 2]
    outer = {"inner": inner}
    assert substitute(outer, swap) is outer


def test_default_factory_survives() -> None:
    made = substitute(defaultdict(list, {"a": Place("t")}), swap)
    assert made["new"] == []
    assert made["a"] == "value"


def test_a_list_that_contains_itself_is_left_alone() -> None:
    circle: Any = [1]
    circle.append(circle)
    assert substitute(circle, swap) is circle


def test_places_in_names_each_task_once() -> None:
    assert places_in([Place("a"), {"x": (Place("b"), Place("a"))}]) == {"a", "b"}


def test_bindings_travel_by_pickle() -> None:
    sent = Bindings({"x": Place("t")}, (1,), {"y": 2})
    back = pickle.loads(pickle.dumps(sent, 5))
    assert back.named["x"].task == "t"
    assert (back.positional, back.keyword) == ((1,), {"y": 2})
