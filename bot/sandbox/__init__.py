"""The sandbox of `bot dev`: a stand-in line, a stand-in model and a phone in the browser.

It knows nothing of the product's inside: it signs webhooks and takes replies over HTTP, as the
line provider does.
"""
