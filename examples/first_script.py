"""A first script: two functions; the value of one reaches the other under its name."""

import sys

from dt.scheduler import DAG, batch


@batch()
def prices():
    return [19.99, 5.49, 12.00]


@batch()
def total(prices):
    return sum(prices)


if __name__ == "__main__":
    with DAG(Name="first-script", DevRun=True, WorkDir=sys.path[0]):
        total(prices())
