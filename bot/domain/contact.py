"""How a contact is found again, however its address is spelt."""

import re

_NUMBER = re.compile(r"\+?[\d\s().\u00a0-]{5,40}", re.ASCII)
_WITH_HOST = re.compile(r"(\d{5,20})(?::\d+)?@(?:s\.whatsapp\.net|c\.us)", re.ASCII | re.IGNORECASE)
_NOT_DIGITS = re.compile(r"\D+", re.ASCII)


def contact_key(address: str) -> str:
    """`+` and digits for anything that looks like a phone number, else the address as it is.

    A number without `+` is read as international, which is what WhatsApp's own ids are; two
    leading zeros stand for `+`. Only for finding: replies go to the address as it was received.
    """
    address = address.strip()
    if address.startswith("+") and address[1:].isdecimal() and address.isascii():
        return address
    hosted = _WITH_HOST.fullmatch(address)
    if hosted is not None:
        return f"+{hosted[1]}"
    if not _NUMBER.fullmatch(address):
        return address
    digits = _NOT_DIGITS.sub("", address)
    if not address.startswith("+"):
        digits = digits.removeprefix("00")
    return f"+{digits}" if 5 <= len(digits) <= 20 else address
