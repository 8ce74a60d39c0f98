"""Benchmarks: the simplest possible bot and this one, side by side in the same run.

`python -m bench` runs them all; each also runs by itself, such as `python -m bench.turn`, with
options of its own (`--help`). Absolute figures belong to the machine and to what else runs on it;
compare the ratios, and run twice. The reference is `bench/reference.py`: the signature is checked
and nothing is stored; where size or number is the question, the bot is its own reference.

`ingest` floods the webhook, `turn` times whole answers, `workers` sets two workers against one,
`growth` a full database against an empty one, `memory` watches a long load, `size` times starts.
"""
