"""What clocks have been through: the code of the example's tasks.

``source`` gets the time zone database, ``database`` reads it, ``history`` finds out when the
clocks of a zone were changed, ``measures`` says what is remarkable about that, ``tables`` writes
it down. ``tasks`` has the functions that the batch calls, one a task; nothing but the standard
library is needed anywhere.
"""
