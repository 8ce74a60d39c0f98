"""Whether a file's text goes live, and how two texts differ: pure decisions."""

import pytest

from bot.domain.prompt_version import Past, goes_live
from bot.domain.text_diff import diff_texts

OLD, NOW, NEW = "old", "now", "new"


@pytest.mark.parametrize("is_start", [True, False])
@pytest.mark.parametrize(
    ("found", "past", "expected"),
    [
        pytest.param(NEW, Past(None, None, False, True), True, id="the very first"),
        pytest.param(NOW, Past(NOW, OLD, True, True), False, id="what is live already"),
        pytest.param(OLD, Past(NOW, OLD, True, True), False, id="unchanged since it was seen"),
        pytest.param(OLD, Past(NOW, OLD, True, False), False, id="not deployed here yet"),
        pytest.param(NEW, Past(NOW, NOW, False, False), True, id="an edit"),
        pytest.param(NEW, Past(NOW, OLD, False, False), True, id="an edit where it lags behind"),
        pytest.param(NEW, Past(NOW, None, False, False), True, id="a new host with a new text"),
        pytest.param(OLD, Past(NOW, None, True, True), False, id="a new host with an old copy"),
        pytest.param(OLD, Past(NOW, "other", True, False), False, id="an old copy for an older"),
        pytest.param(OLD, Past(NOW, NOW, True, True), True, id="taken back on the only host"),
    ],
)
def test_an_edit_is_told_from_an_old_copy(
    found: str, past: Past, expected: bool, is_start: bool
) -> None:
    assert goes_live(found, past, is_start=is_start) is expected


def test_among_others_an_old_text_is_an_edit_only_while_somebody_is_seen_to_save_it() -> None:
    past = Past(NOW, NOW, was_live=True, is_alone=False)
    assert goes_live(OLD, past, is_start=False)
    assert not goes_live(OLD, past, is_start=True)


def _shown(before: str, after: str) -> list[str]:
    signs = {"same": " ", "added": "+", "removed": "-", "gap": "…"}
    return [signs[line.kind] + line.text for line in diff_texts(before, after)]


def test_a_difference_shows_what_changed_among_what_did_not() -> None:
    before = "".join(f"line {number}\n" for number in range(1, 31))
    after = before.replace("line 5\n", "LINE 5\n").replace("line 25\n", "")
    assert _shown(before, after) == [
        *(f" line {number}" for number in (2, 3, 4)),
        "-line 5",
        "+LINE 5",
        *(f" line {number}" for number in (6, 7, 8)),
        "…",
        *(f" line {number}" for number in (22, 23, 24)),
        "-line 25",
        *(f" line {number}" for number in (26, 27, 28)),
    ]
    added = next(line for line in diff_texts(before, after) if line.kind == "added")
    assert (added.before, added.after) == (None, 5)


def test_equal_texts_do_not_differ_and_line_ends_are_told() -> None:
    assert diff_texts("a\n", "a\n") == ()
    assert _shown("a\r\n", "a\n") == ["…only line ends differ"]
