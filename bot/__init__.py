"""A WhatsApp agent: a line's messages in, one good reply out. Start at web.py, follow a message."""
