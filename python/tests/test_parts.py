"""The small parts: frames, pickles, JSON views, cycles."""

import io
import json
import pickle
import struct
import threading
from typing import Any, List

import pytest

from fasti import _frames, _json_view, _pickling
from fasti._graph import find_cycle


def frames(*messages: Any) -> bytes:
    return b"".join(map(_frames.encode, messages))


def test_frames_arrive_whole_however_they_are_cut() -> None:
    sent: List[Any] = [{"op": "a"}, {"text": "\u20ac\0"}, {}]
    data = frames(*sent)
    for size in (1, 3, 7, len(data)):
        decoder, received = _frames.Decoder(), []
        for start in range(0, len(data), size):
            decoder.feed(data[start : start + size])
            received += list(map(_frames.parse, decoder.bodies()))
        assert received == sent


def test_a_body_of_a_reader_that_stops_half_way_is_not_lost() -> None:
    decoder = _frames.Decoder()
    decoder.feed(frames({"n": 1}, {"n": 2}))
    assert _frames.parse(next(decoder.bodies())) == {"n": 1}
    assert list(map(_frames.parse, decoder.bodies())) == [{"n": 2}]


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b""])
def test_bodies_that_are_no_messages(body: bytes) -> None:
    decoder = _frames.Decoder()
    decoder.feed(struct.pack(">I", len(body)) + body)
    with pytest.raises(_frames.FrameError):
        list(map(_frames.parse, decoder.bodies()))


def test_too_long_a_frame() -> None:
    decoder = _frames.Decoder()
    decoder.feed(struct.pack(">I", _frames.FRAME_BYTES_MAX + 1))
    with pytest.raises(_frames.FrameError, match="longer"):
        list(map(_frames.parse, decoder.bodies()))


def test_frames_are_utf8_whatever_the_text() -> None:
    assert b"\\udcff" in _frames.encode({"t": "\udcff"})
    assert b"\xe2\x82\xac" in _frames.encode({"t": "\u20ac"})


def test_cloudpickle_takes_what_pickle_refuses() -> None:
    value = lambda x: x + 1  # noqa: E731
    assert _pickling.loads_base64(_pickling.dumps_base64(value))(1) == 2
    file = io.BytesIO()
    _pickling.dump([b"x" * 100_000, value], file)
    assert pickle.loads(file.getvalue())[1](1) == 2


def test_pickles_own_error_without_cloudpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pickling, "_cloudpickle", lambda: None)
    file = io.BytesIO()
    with pytest.raises(TypeError, match="pickle"):
        _pickling.dump([b"x" * 100_000, threading.Lock()], file)
    assert file.getvalue() == b""


@pytest.mark.parametrize(
    ("value", "exact", "view"),
    [
        (None, True, None),
        ({"a": [1, 2.5, "x", True]}, True, {"a": [1, 2.5, "x", True]}),
        ((1,), False, [1]),
        ({1: 2}, False, {"1": 2}),
        (2**63, False, str(2**63)),
        (float("nan"), False, "nan"),
        ("\ud800", False, "\\ud800"),
        (b"x", False, "b'x'"),
    ],
)
def test_json_views(value: Any, exact: bool, view: Any) -> None:
    assert _json_view.is_exact(value) is exact
    assert _json_view.view(value) == view


def test_deep_values_are_shown_as_text() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    assert not _json_view.is_exact(deep)
    json.dumps(_json_view.view(deep))


@pytest.mark.parametrize(
    ("count", "edges", "cycle"),
    [
        (0, [], None),
        (3, [(0, 1), (1, 2), (0, 2)], None),
        (2, [(0, 1), (1, 0)], {0, 1}),
        (4, [(0, 1), (1, 2), (2, 1), (2, 3)], {1, 2}),
    ],
)
def test_cycles(count: int, edges: Any, cycle: Any) -> None:
    found = find_cycle(count, edges)
    assert (set(found) if found else None) == cycle


def test_cycle_is_in_order() -> None:
    assert find_cycle(3, [(0, 1), (1, 2), (2, 0)]) in ([0, 1, 2], [1, 2, 0], [2, 0, 1])


def test_large_graphs_take_linear_time() -> None:
    count = 100_000
    edges = [(n, n + 1) for n in range(count - 1)]
    assert find_cycle(count, edges) is None
    assert len(find_cycle(count, [*edges, (count - 1, 0)]) or ()) == count
