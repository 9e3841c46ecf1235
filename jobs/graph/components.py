"""Connected components of pairs of node ids, on one node in memory: Arrow in, union-find, Arrow out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def label_components(left: pa.Array, right: pa.Array) -> pa.Table:
    """(node_id, component): one row per node that a pair names; component is a number without meaning beyond this table.

    Source: scipy's connected_components (Pearce's algorithm), on ids made dense.
    """
    a, b = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    nodes, dense = np.unique(np.concatenate([a, b]), return_inverse=True)
    if len(nodes) == 0:
        return pa.table({"node_id": pa.array([], pa.int64()), "component": pa.array([], pa.int64())})
    ones = np.ones(len(a), dtype=np.int8)
    graph = coo_matrix((ones, (dense[: len(a)], dense[len(a) :])), shape=(len(nodes), len(nodes)))
    _, labels = connected_components(graph, directed=False)
    return pa.table({"node_id": pa.array(nodes), "component": pa.array(labels.astype(np.int64))})
