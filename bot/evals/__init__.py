"""Conversation tests: customers who are scripted or played, and what the bot has to say to them.

`load_suites` reads the test files, `run_tests` plays them with a prompt. Everything goes the way of
a real turn (`bot.rehearsal`); nothing is sent and no database is touched.
"""
