"""`antifraud score`: a committed night against the simulated truth, harm to innocents first.

truth.py: the truth in the graph's ids. judged.py: each listing against it. missed.py, paths.py, arrived.py: who is guilty and
not listed, and why. left.py: what a night left in the lake.
gates.py: what must hold. card.py, render.py: the figures, and how they are said.
"""
