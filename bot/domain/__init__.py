"""What the bot knows and decides: plain data and pure functions, no I/O, no clock, no logging."""
