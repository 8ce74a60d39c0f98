"""The language that customers are expected to speak, as speech models want it named."""


def language_code(tag: str | None) -> str | None:
    """`es` for `es-419`; None, to be detected, for None, nothing and Deepgram's own `multi`."""
    code = "" if tag is None else tag.strip().replace("_", "-").partition("-")[0].lower()
    return None if code in {"", "multi"} else code
