"""Binding order, tables, ambiguity: section by section of the rules for values."""

from typing import Any, Callable, Dict, List, Optional

import pytest

from fasti._bind import plan_call
from fasti._errors import ArgumentResolutionError
from fasti._places import Bindings, Place
from fasti._shape import shape_of
from fasti._sources import FromMany, FromUpstream, Given, Literal, Reserved, Target, Upstream


def plain(task: str, result_name: str) -> Upstream:
    return Upstream(task, result_name, False, (task,))


def parallel(task: str, result_name: str, *parts: str) -> Upstream:
    return Upstream(task, result_name, True, parts)


def plan(
    function: Callable[..., Any],
    *upstreams: Upstream,
    table: Optional[Dict[str, str]] = None,
    translation: Optional[Dict[str, str]] = None,
    given: Optional[Bindings] = None,
) -> Any:
    """Return the plan with upstreams written as their names, parts as (name, part)."""
    target = Target(function.__name__, shape_of(function), translation or {})
    made = plan_call(target, upstreams, table or {}, given)

    def readable(source: Any) -> Any:
        if isinstance(source, FromUpstream):
            upstream = upstreams[source.upstream]
            whole = source.part is None or not upstream.parallel
            return upstream.task if whole else upstream.parts[source.part or 0]
        if isinstance(source, FromMany):
            return [readable(item) for item in source.items]
        if isinstance(source, Reserved):
            return f"<{source.name}>"
        if isinstance(source, (Given, Literal)):
            return (
                ("given", source.value) if isinstance(source, Given) else ("default", source.value)
            )
        raise AssertionError(source)

    return [readable(s) for s in made.positional], {n: readable(s) for n, s in made.keyword.items()}


def test_reserved_names_are_filled_directly_and_through_the_decorator() -> None:
    def f(sub_job_name: Any, running_date: Any, job_config: Any) -> None: ...

    assert plan(f, translation={"running_date": "rundate"}) == (
        [],
        {
            "sub_job_name": "<sub_job_name>",
            "running_date": "<rundate>",
            "job_config": "<job_config>",
        },
    )


def test_reserved_wins_over_an_upstream_of_that_name() -> None:
    def f(rundate: Any) -> None: ...

    assert plan(f, plain("t", "rundate")) == ([], {"rundate": "<rundate>"})


def test_translated_name_goes_into_keywords_if_there_is_no_such_parameter() -> None:
    def f(**more: Any) -> None: ...

    assert plan(f, translation={"day": "rundate"}) == ([], {"day": "<rundate>"})


def test_upstreams_bind_by_result_name_not_by_task_name() -> None:
    def f(load: Any, clean: Any) -> None: ...

    made = plan(f, plain("load", "clean"), plain("other", "load"))
    assert made == ([], {"load": "other", "clean": "load"})


def test_parallel_upstream_is_one_value() -> None:
    def f(load: Any) -> None: ...

    assert plan(f, parallel("all", "load", "a", "b")) == ([], {"load": "all"})


def test_table_binds_task_to_parameter_and_uses_it_up() -> None:
    def f(x: Any, load: Any = None) -> None: ...

    assert plan(f, plain("t", "load"), table={"t": "x"}) == ([], {"x": "t"})


def test_several_table_entries_for_one_parameter_make_a_list_in_edge_order() -> None:
    def f(x: Any) -> None: ...

    made = plan(
        f, plain("b", "g"), plain("a", "g"), parallel("p", "g", "p0", "p1"),
        table={"p1": "x", "a": "x", "b": "x"},
    )  # fmt: skip
    assert made == ([], {"x": ["b", "a", "p1"]})


def test_a_part_named_in_the_table_is_used_up_alone() -> None:
    def f(x: Any, *rest: Any) -> None: ...

    made = plan(f, parallel("p", "g", "p0", "p1", "p2"), table={"p1": "x"})
    assert made == (["p1", "p0", "p2"], {})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"typo": "x"}, "typo"),
        ({"t": "rundate"}, "reserved"),
        ({"t": "nobody"}, "no parameter"),
        ({"t": 3}, "no parameter name"),
        ("t", "must be a dict"),
    ],
)
def test_bad_tables(table: Any, words: str) -> None:
    def f(x: Any = 1) -> None: ...

    with pytest.raises(ArgumentResolutionError, match=words):
        plan(f, plain("t", "g"), table=table)


def test_table_may_name_a_new_keyword_if_the_function_takes_any() -> None:
    def f(**more: Any) -> None: ...

    assert plan(f, plain("t", "g"), table={"t": "nobody"}) == ([], {"nobody": "t"})


def test_two_upstreams_of_one_result_name_are_ambiguous_even_with_a_default() -> None:
    def f(load: Any = None) -> None: ...

    with pytest.raises(ArgumentResolutionError) as caught:
        plan(f, plain("first", "load"), plain("second", "load"))
    for words in ("'load'", "'first'", "'second'", "arg_translation_table"):
        assert words in str(caught.value)


def test_surplus_upstreams_fill_args_in_edge_order_with_parts_expanded() -> None:
    def f(rundate: Any, *args: Any) -> None: ...

    made = plan(f, plain("a", "g"), parallel("p", "h", "p0", "p1"), plain("b", "g"))
    assert made == (["<rundate>", "a", "p0", "p1", "b"], {})


def test_defaults_are_passed_where_args_have_to_reach_past_them() -> None:
    def f(x: Any = 5, *args: Any) -> None: ...

    assert plan(f, plain("a", "g")) == ([("default", 5), "a"], {})


def test_surplus_upstreams_go_by_result_name_into_keywords() -> None:
    def f(**more: Any) -> None: ...

    made = plan(f, plain("a", "g"), parallel("p", "h", "p0", "p1"))
    assert made == ([], {"g": "a", "h": "p"})


def test_two_of_one_result_name_in_keywords_are_ambiguous() -> None:
    def f(**more: Any) -> None: ...

    with pytest.raises(ArgumentResolutionError, match="could come from any"):
        plan(f, plain("a", "g"), plain("b", "g"))


def test_args_win_over_keywords() -> None:
    def f(*args: Any, **more: Any) -> None: ...

    assert plan(f, plain("a", "g")) == (["a"], {})


def test_an_edge_that_nobody_takes_only_orders() -> None:
    def f() -> None: ...

    assert plan(f, plain("a", "g")) == ([], {})


def test_defaults_fill_what_is_left() -> None:
    def f(x: Any = 1, *, y: Any = 2) -> None: ...

    assert plan(f) == ([], {})


def test_missing_names_function_parameters_and_what_there_is() -> None:
    def compute(left: Any, right: Any) -> None: ...

    with pytest.raises(ArgumentResolutionError) as caught:
        plan(compute, plain("t", "other"))
    for words in ("compute()", "'left'", "'right'", "'other'"):
        assert words in str(caught.value)


def test_positional_only_and_keyword_only_parameters() -> None:
    namespace: Dict[str, Any] = {}
    exec("def f(a, /, b, *, c): ...", namespace)
    made = plan(namespace["f"], plain("1", "a"), plain("2", "b"), plain("3", "c"))
    assert made == (["1"], {"b": "2", "c": "3"})


def test_call_style_arguments_come_before_upstreams() -> None:
    def f(x: Any, load: Any = None, *rest: Any) -> None: ...

    place = Place("t")
    made = plan(f, plain("t", "load"), plain("u", "g"), given=Bindings({"x": [place]}))
    # t is used up by the call; u is a plain edge and fills *args.
    assert made == ([("given", [place]), ("default", None), "u"], {})


def test_args_given_by_the_call_are_not_added_to() -> None:
    def f(*rest: Any) -> None: ...

    assert plan(f, plain("u", "g"), given=Bindings({}, (1,))) == ([("given", 1)], {})


def test_reserved_wins_over_call_style() -> None:
    def f(rundate: Any) -> None: ...

    assert plan(f, given=Bindings({"rundate": "x"})) == ([], {"rundate": "<rundate>"})


def test_shape_of_c_functions_and_callable_objects() -> None:
    class Adder:
        def __call__(self, left: int, right: int = 2) -> int:
            return left + right

    assert [p.name for p in shape_of(Adder()).named] == ["left", "right"]
    assert shape_of(dict).named == ()  # tells nothing about itself
    names: List[str] = [p.name for p in shape_of(len).named]
    assert names == ["obj"]
