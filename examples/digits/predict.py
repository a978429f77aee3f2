"""Predict which digit is on a picture: the program of an item of a batch job.

It is started in a folder of its own that holds the picture (the variable FASTI_ITEM_FILE
names it) and the line of the dataset (item.json). What it prints is the prediction, in JSON.
A failure ends it with another exit code than 0; the last line of standard error is the reason
that users read.

    python predict.py digits.joblib
"""

import json
import os
import sys

import joblib
import numpy
from PIL import Image, UnidentifiedImageError


def main(model_path: str) -> int:
    """Print the prediction; return the exit code."""
    try:
        picture = Image.open(os.environ["FASTI_ITEM_FILE"]).convert("L").resize((8, 8))
    except UnidentifiedImageError:
        print("this is no picture", file=sys.stderr)
        return 1
    # The model knows shades from 0 to 16.
    shades = numpy.asarray(picture, dtype=float).reshape(1, 64) * 16 / 255
    likelihoods = joblib.load(model_path).predict_proba(shades)[0]
    label = int(likelihoods.argmax())
    print(json.dumps({"label": label, "likelihood": round(float(likelihoods[label]), 4)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
