"""Markdown, as models write it, in WhatsApp's own formatting.

WhatsApp knows `*bold*`, `_italic_`, `~struck~`, backticks, `- ` and `1. ` lists and `> ` quotes.
A text that holds nothing but these stays as it is; so `*bold*` counts as WhatsApp's, unless the
text shows by `**` that its author writes Markdown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_MARKDOWN = re.compile(
    r"\*\*\S|__\S|~~\S"  # bold, struck
    r"|\]\("  # links and images
    r"|\\[!-/:-@\[-`{-~]"  # escapes
    r"|<https?://"
    r"|^[ \t]*(?:#{1,6}[ \t]|```\w|~~~)"  # headings, code with its language
    r"|^[ \t]*(?:\+|\d{1,9}\))[ \t]"  # other lists
    r"|^[* \t]+$"  # rules
    r"|^(?=[^\n]*\|)(?=[^\n]*-)[|: \t-]+$",  # what is under the head of a table
    re.MULTILINE,
)
_STRONG = re.compile(r"\*\*\S|__\S")
_LANGUAGE = re.compile(r"[\w.+#-]{0,30}")
_BOLD, _ITALIC, _STRUCK = "*", "_", "~"
_MARKS = {"strong": _BOLD, "em": _ITALIC, "s": _STRUCK}
_FENCE = "```"

_PARSER = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": 10_000})
    .enable(["table", "strikethrough"])
    # What would swallow words, or is more often meant as it stands.
    .disable(["code", "reference", "lheading", "entity", "html_block", "html_inline"])
)
# Addresses are shown to people as they were written.
_PARSER.normalizeLink = lambda url: url  # type: ignore[method-assign]  # markdown-it's own hook


def to_whatsapp(text: str) -> str:
    """The same words with WhatsApp's formatting. Never raises."""
    if not _MARKDOWN.search(text):
        return text
    try:
        root = SyntaxTreeNode(_PARSER.parse(text))
        single_star = _ITALIC if _STRONG.search(text) else _BOLD
        return _blocks(root.children, _Style(single_star)).strip()
    except RecursionError:  # thousands of nested quotes: nothing that formatting could improve
        return text


@dataclass(frozen=True, slots=True)
class _Style:
    """How inline text is written at this place."""

    single_star: str
    plain: frozenset[str] = frozenset()
    """Marks that are not written: bold within what is bold as a whole."""

    def without(self, mark: str) -> "_Style":
        return _Style(self.single_star, self.plain | {mark})


def _blocks(nodes: Sequence[SyntaxTreeNode], style: _Style) -> str:
    """Blocks below each other, without an empty line where the author wrote none."""
    written = ((node, _block(node, style)) for node in nodes)
    shown = [(node, text) for node, text in written if text]
    if not shown:
        return ""
    parts = [shown[0][1]]
    for (before, _), (node, text) in pairwise(shown):
        parts += ["\n" if _touch(before, node) else "\n\n", text]
    return "".join(parts)


def _touch(before: SyntaxTreeNode, after: SyntaxTreeNode) -> bool:
    return before.map is not None and after.map is not None and before.map[1] >= after.map[0]


def _block(node: SyntaxTreeNode, style: _Style) -> str:  # noqa: PLR0911 - a table of types
    match node.type:
        case "inline":
            return _inline(node, style)
        case "heading":
            return _emboldened(_inline_of(node, style.without(_BOLD)))
        case "fence":
            return _fenced(node)
        case "bullet_list" | "ordered_list":
            return _list(node, style)
        case "blockquote":
            return _quoted(_blocks(node.children, style))
        case "table":
            return "\n".join(_rows(node, style))
        case "hr":
            return "---"
        case _:
            return _blocks(node.children, style) if node.children else ""


def _fenced(node: SyntaxTreeNode) -> str:
    """Code without the name of its language, which WhatsApp would show."""
    title = "" if _LANGUAGE.fullmatch(node.info.strip()) else f"{node.info.strip()}\n"
    return f"{_FENCE}\n{title}{node.content.rstrip()}\n{_FENCE}"


def _inline_of(node: SyntaxTreeNode, style: _Style) -> str:
    return "".join(_inline(child, style) for child in node.children)


def _emboldened(line: str) -> str:
    return f"*{line}*" if line else ""


def _quoted(text: str) -> str:
    # WhatsApp knows no quote within a quote.
    return "\n".join(line if line.startswith(">") else f"> {line}" for line in text.split("\n"))


def _list(node: SyntaxTreeNode, style: _Style) -> str:
    lines = []
    number = -1
    for item in node.children:
        bullet = "- "
        if node.type == "ordered_list":
            number = max(number + 1, int(item.info))
            bullet = f"{number}{item.markup} "
        body = _blocks(item.children, style).replace("\n", "\n" + " " * len(bullet))
        lines.append(re.sub(r"^ +$", "", bullet + body, flags=re.MULTILINE))
    return "\n".join(lines)


def _rows(table: SyntaxTreeNode, style: _Style) -> Iterator[str]:
    """One line for each row, the head in bold."""
    for part in table.children:
        head = part.type == "thead"
        for row in part.children:
            inner = style.without(_BOLD) if head else style
            cells = [_inline_of(cell, inner) for cell in row.children]
            line = " | ".join(cell for cell in cells if cell)
            yield _emboldened(line) if head else line


def _inline(node: SyntaxTreeNode, style: _Style) -> str:
    writer = _Writer(style)
    writer.write(node.children)
    return writer.text


@dataclass(slots=True)
class _Writer:
    """Writes inline nodes; formatting is closed at a line's end and opened again after it."""

    style: _Style
    text: str = ""
    _open: list[str] = field(default_factory=list)

    def write(self, nodes: Sequence[SyntaxTreeNode]) -> None:
        for index, node in enumerate(nodes):
            after = nodes[index + 1] if index + 1 < len(nodes) else None
            self._write(node, after)

    def _write(self, node: SyntaxTreeNode, after: SyntaxTreeNode | None) -> None:
        match node.type:
            case "text":
                self.text += node.content
            case "softbreak" | "hardbreak":
                self.text += "".join(reversed(self._open)) + "\n" + "".join(self._open)
            case "code_inline":
                self.text += _code(node.content)
            case "strong" | "em" | "s":
                self._marked(node, after)
            case "link":
                self._link(node, str(node.attrs.get("href", "")))
            case "image":
                self._link(node, str(node.attrs.get("src", "")))
            case _:
                self.text += node.content

    def _marked(self, node: SyntaxTreeNode, after: SyntaxTreeNode | None) -> None:
        mark = self.style.single_star if node.markup == "*" else _MARKS[node.type]
        within_word = self.text[-1:].isalnum() or _begins_word(after)
        if within_word and node.markup == "*":  # a product such as 2*3*4
            self.text += "*"
            self.write(node.children)
            self.text += "*"
            return
        if within_word or mark in self._open or mark in self.style.plain:
            self.write(node.children)
            return
        self.text += mark
        self._open.append(mark)
        self.write(node.children)
        self._open.pop()
        self.text += mark

    def _link(self, node: SyntaxTreeNode, url: str) -> None:
        start = len(self.text)
        self.write(node.children)
        shown = self.text[start:]
        if not shown:
            self.text += url
        elif url and url not in (shown, f"mailto:{shown}", f"http://{shown}", f"https://{shown}"):
            self.text += f" ({url})"


def _begins_word(node: SyntaxTreeNode | None) -> bool:
    return node is not None and node.type == "text" and node.content[:1].isalnum()


def _code(content: str) -> str:
    return f"{_FENCE}{content}{_FENCE}" if "`" in content else f"`{content}`"
