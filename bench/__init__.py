"""Benchmarks: the simplest possible bot and this one, side by side in the same run.

`python -m bench.ingest` floods the webhook; `python -m bench.turn` times whole answers. Absolute
figures belong to the machine and to what else runs on it; compare the ratios, and run twice. The
reference is `bench/reference.py`: the signature is checked and nothing is stored.
"""
