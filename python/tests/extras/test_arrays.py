"""Section 3.5: arrays and frames take the way without copies; needs numpy and pandas."""

import io
import pickle

import numpy as np
import pandas as pd

from fasti import _pickling


def through(value: object) -> object:
    file = io.BytesIO()
    _pickling.dump(value, file)
    return pickle.loads(file.getvalue())


def test_arrays() -> None:
    fixed = np.arange(100_000.0)
    fixed.flags.writeable = False
    value = {"a": np.arange(1_000_000).reshape(1000, 1000), "f": fixed, "t": np.zeros(3).T}
    loaded = through(value)
    assert isinstance(loaded, dict)
    for name in value:
        np.testing.assert_array_equal(loaded[name], value[name])
    loaded["a"][0, 0] = 5
    assert not loaded["f"].flags.writeable


def test_arrays_that_are_not_contiguous() -> None:
    value = np.arange(1_000_000).reshape(1000, 1000)[::2, ::3]
    np.testing.assert_array_equal(through(value), value)  # type: ignore[arg-type,unused-ignore]


def test_frames() -> None:
    frame = pd.DataFrame({"n": np.arange(100_000), "s": ["x"] * 100_000})
    loaded = through(frame)
    assert isinstance(loaded, pd.DataFrame)
    pd.testing.assert_frame_equal(loaded, frame)
    loaded.loc[0, "n"] = -1
