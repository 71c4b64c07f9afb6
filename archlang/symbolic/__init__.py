"""Models whose sizes are left free: which sizes are legal, what forces them, and what comes out, as formulas.

`explore.py` finds the legal sizes, `legal.py` holds them as data, `reasons.py` words what forces them. Loaded only
where a size is free: a check of fixed sizes does not pay for it.
"""
