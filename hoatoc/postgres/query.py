"""SQL kept as SQL: named queries of `queries/*.sql`.

A query begins with `-- name: what_it_is`, then one line saying what it is for.
"""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(module: str) -> dict[str, str]:
    """Return the queries of `queries/<module>.sql` by name."""
    text = (files("hoatoc.postgres.queries") / f"{module}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    return dict(zip(parts[::2], (body.strip().rstrip(";") for body in parts[1::2]), strict=True))
