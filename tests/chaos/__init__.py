"""The real processes among faults that assert that they fired; `python -m tests.chaos --help`.

A seed decides who writes what and when, and which fault strikes when. Nothing decides what the
operating system makes of it, so a seed repeats the attack, not the fight.
"""
