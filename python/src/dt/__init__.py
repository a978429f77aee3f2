"""The name under which existing scripts import the scheduler; all of it is Fasti's.

``dt.scheduler`` re-exports :mod:`fasti.scheduler`.  Nothing is implemented here.
"""
