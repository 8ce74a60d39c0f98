"""Regular expressions that can't hang: an engine whose time grows with the text and no faster.

It is the one inside pydantic. What it leaves out, looking around and references back, is just what
makes other engines slow.
"""

from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

LONGEST = 500
"""Characters of a pattern."""


class BadPattern(ValueError):
    """Not a regular expression that is taken here; the text says why."""


def found(pattern: str, text: str) -> bool:
    """Whether it is somewhere in the text, without case. Raises BadPattern."""
    try:
        _compiled(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


def check_pattern(pattern: str) -> None:
    """Raises BadPattern."""
    if len(pattern) > LONGEST:
        raise BadPattern(f"longer than {LONGEST} characters: shorten it")
    _compiled(pattern)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> TypeAdapter[str]:
    constraint = StringConstraints(pattern=f"(?im){pattern}")
    try:
        return TypeAdapter(Annotated[str, constraint])
    except SchemaError as error:
        raise BadPattern(_explain(str(error))) from None


def _explain(problem: str) -> str:
    if "size limit" in problem:
        return "grows too large: count less with {…}"
    if "look-around" in problem or "backreferences" in problem:
        return "looking around (`(?=`) and references back (`\\1`) are not taken: write it without"
    return "is no regular expression: write plain words under `contains` instead"
