"""The operators' pages at `/console`: server-rendered, kept fresh by one stream of changes."""
