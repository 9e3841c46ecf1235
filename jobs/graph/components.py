"""Connected components of pairs of node ids, on one node in memory: columns of Arrow in, union-find, Arrow out."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def label_components(left: pl.Series, right: pl.Series) -> pl.DataFrame:
    """(node_id, component): one row per node that a pair names; component is a number without meaning beyond this frame.

    Source: scipy's connected_components (Pearce's algorithm), on ids made dense.
    """
    nodes, dense = np.unique(np.concatenate([left.to_numpy(), right.to_numpy()]), return_inverse=True)
    if len(nodes) == 0:
        return pl.DataFrame(schema={"node_id": pl.Int64, "component": pl.Int64})
    ones = np.ones(len(left), dtype=np.int8)
    graph = coo_matrix((ones, (dense[: len(left)], dense[len(left) :])), shape=(len(nodes), len(nodes)))
    _, labels = connected_components(graph, directed=False)
    return pl.DataFrame({"node_id": nodes, "component": labels.astype(np.int64)})
