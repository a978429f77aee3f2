"""Fasti for Python: define batches, start them, read their results.

The public interface is :mod:`fasti.scheduler`; the package ``dt`` re-exports it so
that scripts written for ``dt.scheduler`` run unmodified.  Modules whose name starts
with an underscore are private and may change in any release.

This module must stay empty of imports: a worker starts through it, and importing
``fasti.scheduler`` has a budget of 50 ms.
"""

__version__ = "0.1.0"
