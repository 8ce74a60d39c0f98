"""How the model is told of what is not plain text: files, places, reactions, things taken back.

What stands in brackets is ours; whatever a customer wrote, said or attached comes after it.
"""

from bot.domain.entry import Entry
from bot.domain.media import Attachment, Problem

_KINDS = {
    "voice": "a voice note",
    "image": "a photo",
    "video": "a video",
    "document": "a document",
    "sticker": "a sticker",
    "location": "a place",
    "contact": "a contact card",
    "reaction": "a reaction",
}
_PROBLEMS = {
    Problem.EXPIRED: "which could not be fetched in time",
    Problem.MISSING: "which did not arrive",
    Problem.FORBIDDEN: "which could not be fetched",
    Problem.TOO_LARGE: "which is too large to be opened here",
    Problem.WRONG_HASH: "which arrived damaged",
    Problem.EMPTY: "which is empty",
    Problem.UNREADABLE: "which can't be opened here",
    Problem.PROTECTED: "which is locked with a password",
    Problem.TOO_SHORT: "which is too short to hold any words",
    Problem.TOO_LONG: "which is too long to be listened to",
    Problem.SILENT: "in which nothing is said",
    Problem.UNHEARD: "which could not be understood",
    Problem.NO_SOUND: "which has no sound",
    Problem.NO_SERVICE: "which can't be listened to here",
}
QUOTE_LIMIT = 200
_HARMLESS = str.maketrans('"[]', "'()")
_NAME_LIMIT = 80


def tell(entry: Entry, text_limit: int, *, shown: int) -> str:
    """An entry in words; a document's text is cut to `text_limit` UTF-8 bytes.

    `shown`: so many of its pictures stand beside these words.
    """
    if entry.deleted:
        return f"[{subject(entry)} has deleted this message]"
    if entry.kind == "reaction":
        return _reaction(entry)
    words = _words(entry, text_limit, shown)
    return f"[changed later by {subject(entry)}, now:]\n{words}" if entry.edited else words


def subject(entry: Entry) -> str:
    """Who it was, seen by the model."""
    return {"customer": "the customer", "operator": "the colleague", "bot": "you"}[entry.author]


def short(text: str, limit: int = QUOTE_LIMIT) -> str:
    """One line, without what would end a quotation or pass for a note of ours."""
    text = " ".join(text.translate(_HARMLESS).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def in_short(kind: str, text: str, transcript: str | None) -> str:
    """A message in a few words, for quoting it."""
    if kind in {"text", "location", "contact"} and text.strip():
        return text
    words = transcript if transcript else text
    what = _KINDS.get(kind, "a message")
    return f"{what}: {words}" if words.strip() else what


def _words(entry: Entry, text_limit: int, shown: int) -> str:
    if entry.kind == "text":
        return entry.text
    if entry.kind in {"location", "contact"}:
        return f"[{subject(entry)} sent {_KINDS[entry.kind]}]\n{entry.text}"
    if entry.media is None:
        what = _KINDS.get(entry.kind, f"a message of the type {short(entry.kind)}")
        note = f"[{subject(entry)} sent {what}, which cannot be opened here]"
    else:
        note = _file(entry, entry.media, text_limit, shown)
    return f"{note}\n{entry.text}" if entry.text.strip() else note


def _reaction(entry: Entry) -> str:
    about = f' to: "{short(entry.quoted)}"' if entry.quoted else ""
    if not entry.text:
        return f"[{subject(entry)} took back a reaction{about}]"
    return f"[{subject(entry)} reacted with {entry.text}{about}]"


def _file(entry: Entry, media: Attachment, text_limit: int, shown: int) -> str:
    what = _named(entry.kind, media)
    if media.is_open:
        return f"[{subject(entry)} sent {what}, which is not opened yet]"
    reading = media.reading
    if reading.problem is not None:
        return f"[{subject(entry)} sent {what}, {_PROBLEMS[reading.problem]}]"
    if reading.service is not None:
        return f"[{subject(entry)} sent {what}; what is said in it:]\n{reading.text}"
    if reading.text:
        return _document(
            f"{subject(entry)} sent {what}", reading.text, reading.left_out, text_limit
        )
    if not shown:
        return f"[{subject(entry)} sent {what}, which you can't see]"
    gone = [reading.left_out] if reading.left_out else []
    if shown < len(reading.pictures):
        gone.append(f"all but its first {shown} pictures")
    left_out = f"; left out: {'; '.join(gone)}" if gone else ""
    return f"[{subject(entry)} sent {what}{left_out}]"


def _named(kind: str, media: Attachment) -> str:
    what = _KINDS.get(kind, "a file")
    details = []
    if media.filename:
        details.append(f'"{short(media.filename, _NAME_LIMIT)}"')
    if media.reading.duration_s is not None:
        details.append(_length(media.reading.duration_s))
    if media.reading.pages is not None:
        pages = media.reading.pages
        details.append("1 page" if pages == 1 else f"{pages} pages")
    return f"{what} ({', '.join(details)})" if details else what


def _document(head: str, text: str, left_out: str, text_limit: int) -> str:
    kept = text.encode("utf-8", "replace")[:text_limit].decode("utf-8", "ignore")
    gone = [left_out] if left_out else []
    if len(kept) < len(text):
        gone.append(f"the last {len(text) - len(kept)} characters of its text")
    if not kept.strip():
        return f"[{head}; its text is left out here]"
    end = f"[end of the document; left out: {'; '.join(gone)}]" if gone else "[end of the document]"
    return f"[{head}; its text:]\n{kept}\n{end}"


def _length(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{max(1, whole)} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
