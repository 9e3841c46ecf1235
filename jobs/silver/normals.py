"""Identifiers of a contract in normal form.

Where the type may be any, only the common mainland forms are compiled to expressions: those of all
types together make a plan that takes seconds to compile for a handful of rows. The others go to the
Python reference, which the expressions equal by test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import pyarrow as pa
from pyspark.sql import Column as Expr
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from jobs.core.contracts import CodeList
from jobs.identifiers.normalise import Spec, add_normals
from jobs.identifiers.rare import lists_of, normalise_py
from jobs.silver.steps import Steps

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FEW = 8
"""With more possible types than these, the types that are not COMMON are normalised in Python."""
COMMON = ("phone", "bank_card", "bank_account", "national_id")
_OUTCOME = pa.struct([("type", pa.string()), ("value", pa.string()), ("reasons", pa.list_(pa.string()))])


def add_all_normals(steps: Steps, specs: Sequence[Spec], today: Expr, codes: Mapping[str, CodeList]) -> None:
    """Adds `<name>_type`, `<name>_value` and `<name>_reasons` (never null) for each of `specs`."""
    few = [spec for spec in specs if len(spec.types) <= FEW]
    if few:
        _add_compiled(steps, few, today, codes)
    for spec in specs:
        if len(spec.types) > FEW:
            _add_any(steps, spec, today, codes)


def _add_compiled(steps: Steps, specs: Sequence[Spec], today: Expr, codes: Mapping[str, CodeList]) -> None:
    add_normals(cast("DataFrame", steps), specs, today, codes)


def _add_any(steps: Steps, spec: Spec, today: Expr, codes: Mapping[str, CodeList]) -> None:
    type_ = F.lit(spec.type) if isinstance(spec.type, str) else spec.type
    is_common = F.coalesce(type_.isin(*COMMON), F.lit(False))
    common, rest = f"{spec.name}_common", f"{spec.name}_rest"
    _add_compiled(steps, [spec._replace(name=common, raw=F.when(is_common, spec.raw), types=COMMON)], today, codes)
    scope = F.lit(None).cast("string") if spec.scope is None else spec.scope
    others = [F.when(~is_common, column) for column in (type_, spec.raw, scope, today)]
    steps.withColumns({rest: _by_python(codes)(*others)})
    parts = {
        part: F.when(is_common, F.col(f"{common}_{part}")).otherwise(F.col(rest)[part])
        for part in ("type", "value", "reasons")
    }
    parts["reasons"] = F.coalesce(parts["reasons"], F.array().cast("array<string>"))
    steps.withColumns({f"{spec.name}_{part}": column for part, column in parts.items()})
    steps.drop(rest, *[f"{common}_{part}" for part in parts])


def _by_python(codes: Mapping[str, CodeList]) -> Callable[..., Expr]:
    """`normalise_py` over Arrow batches, once for equal rows; a row without a type comes and goes as null."""
    lists = lists_of(codes)

    def run(type_: pa.Array, raw: pa.Array, scope: pa.Array, today: pa.Array) -> pa.Array:
        rows = list(zip(type_.to_pylist(), raw.to_pylist(), scope.to_pylist(), today.to_pylist(), strict=True))
        outcomes: dict[object, dict[str, object] | None] = {}
        for row in set(rows):
            kind, value, reasons = normalise_py(*row, lists)
            outcomes[row] = None if row[0] is None else {"type": kind, "value": value, "reasons": list(reasons)}
        return pa.array([outcomes[row] for row in rows], _OUTCOME)

    # PySpark's annotations of arrow_udf leave out a function of Arrow arrays, which its documentation has.
    return arrow_udf(run, "type string, value string, reasons array<string>")  # type: ignore[call-overload,no-any-return]
