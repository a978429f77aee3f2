"""Train a small model on the digits that come with scikit-learn, and keep it in a file.

python train.py digits.joblib
"""

import sys

import joblib
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main(path: str) -> None:
    """Train, keep, and say how good it is."""
    digits = load_digits()
    seen, unseen, labels, wanted = train_test_split(
        digits.data, digits.target, test_size=0.2, random_state=0
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    model.fit(seen, labels)
    joblib.dump(model, path)
    print(f"{path}: right about {model.score(unseen, wanted):.1%} of {len(wanted)} unseen digits")


if __name__ == "__main__":
    main(sys.argv[1])
