"""What stands in brackets in a message to the model, and what the stand-ins say about it.

The product puts notes in brackets before a customer's own words: times, quotes, what was sent. The
stand-in speech service writes a note of its own where a real one writes what was said.
"""

import re

_NOTE = re.compile(r"\s*\[(?:[^\[\]]|\[[^\[\]]*\])*\]")
_WHOLE_NOTE = re.compile(r"\s*\[.*\]\s*")
_SENT = re.compile(r"^\[the customer sent ([^\[\](,;]+)", re.MULTILINE)
_DOCUMENT = re.compile(
    r"^(\[the customer sent [^\n]*its text:\])\n(.*?)^\[end of the document[^\n]*\]$",
    re.MULTILINE | re.DOTALL,
)
_PLACE = re.compile(
    r"^(\[the customer sent a place\])\n(?:[^\n]*\n){0,3}?https?://[^\n]*$", re.MULTILINE
)
_CARD = re.compile(
    r"^(\[the customer sent a contact card\])\n[^\n]*(?:\n[+\d][\d ().-]*$)*", re.MULTILINE
)
_HEARD = re.compile(r"\[stand-in: (a voice note of about [^;\]]+);")


def remark_on_length(seconds: float) -> str:
    """What the stand-in speech service writes instead of a transcript."""
    return f"[stand-in: a voice note of about {_length(seconds)}; no speech service is set up]"


def own_words(text: str) -> str:
    """What the customer wrote: without notes, and without the words of what was sent."""
    for described in (_DOCUMENT, _PLACE, _CARD):
        text = described.sub(r"\1", text)
    lines = (_after_notes(line) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def document_words(text: str) -> str:
    """What the attached documents say."""
    return "\n".join(words.strip() for _, words in _DOCUMENT.findall(text))


def what_was_sent(text: str, pictures: int) -> list[str]:
    """What the stand-in model can't know, in sentences; `pictures` came beside the text."""
    told = [f"I got {length}, but no speech service is set up." for length in _HEARD.findall(text)]
    if pictures == 1:
        what = "a sticker" if "a sticker" in _SENT.findall(text) else "a photo"
        told.append(f"I got {what}, but a stand-in can't see it.")
    elif pictures:
        told.append(f"I got {pictures} photos, but a stand-in can't see them.")
    return told


def other_things_sent(text: str) -> list[str]:
    """Whatever else came, for when there is nothing better to say."""
    things = [f"I got {thing.strip()}." for thing in _SENT.findall(text)]
    first = next((line for line in document_words(text).splitlines() if line.strip()), "")
    return things + ([f"It begins: {first.strip()[:200]}"] if first else [])


def _after_notes(line: str) -> str:
    rest = line
    while (note := _NOTE.match(rest)) is not None:
        rest = rest[note.end() :]
    # What is left of a note with stray brackets inside is still a note.
    return "" if rest != line and _WHOLE_NOTE.fullmatch(line) and "[" not in rest else rest.strip()


def _length(seconds: float) -> str:
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"{whole} second{'s' if whole > 1 else ''}"
    return f"{round(seconds / 60)} minutes"
