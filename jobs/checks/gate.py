"""Great Expectations over the aggregates: one batch of one row, one column per rule, one validation a night.

It takes seconds to import, so it is imported when the night starts, beside the start of Java (docs/decisions/0009).
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Sequence
from typing import Any

from jobs.checks.suites import Rule

SEVERITY = {"fail": "critical", "warn": "warning"}


def start_import() -> None:
    """Begin the import in another thread; `judge` waits for its end."""
    threading.Thread(target=_import, name="import-great-expectations", daemon=True).start()


def _import() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    return importlib.import_module("great_expectations")


def judge(items: Sequence[tuple[Rule, float]]) -> list[bool]:
    """Whether each rule holds of its value, in the order given. Raises RuntimeError when a rule could not be judged: that is not a pass."""
    if not items:
        return []
    gx = _import()
    bars = importlib.import_module("great_expectations.data_context.types.base").ProgressBarsConfig(globally=False)
    pandas = importlib.import_module("pandas")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = bars
    columns = [f"rule_{index:05}" for index in range(len(items))]
    frame = pandas.DataFrame({column: [float(value)] for column, (_, value) in zip(columns, items, strict=True)})
    suite = gx.ExpectationSuite(
        name="tonight",
        expectations=[_expectation(column, rule) for column, (rule, _) in zip(columns, items, strict=True)],
    )
    asset = context.data_sources.add_pandas("aggregates").add_dataframe_asset("tonight")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    found = read_answers(batch.validate(suite, result_format="BOOLEAN_ONLY").results)
    if found.keys() != set(columns):
        raise RuntimeError(f"Great Expectations judged {len(found)} of {len(columns)} rules")
    return [found[column] for column in columns]


def _expectation(column: str, rule: Rule) -> dict[str, Any]:
    kwargs = {"column": column, **rule.kwargs}
    return {"type": rule.expectation, "kwargs": kwargs, "severity": SEVERITY[rule.severity], "meta": {"rule": column}}


def read_answers(results: Any) -> dict[str, bool]:
    """Results come in no promised order: each is known by the `meta` that it was given. Raises RuntimeError for a rule that raised, which
    Great Expectations reports as one that does not hold."""
    found = {}
    for result in results:
        if not result.success and "'raised_exception': True" in str(result.exception_info):
            raise RuntimeError(f"Great Expectations could not judge {result.expectation_config.type}")
        found[result.expectation_config.meta["rule"]] = bool(result.success)
    return found
