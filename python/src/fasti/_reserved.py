"""The seven parameter names that the framework fills by itself."""

from __future__ import annotations

RESERVED_NAMES = (
    "sub_job_name",
    "scheduled_time",
    "runtime",
    "part_num",
    "num_parts",
    "job_config",
    "rundate",
)

#: The key of a task's configuration that maps upstream task names to parameters.
TABLE_KEY = "arg_translation_table"
