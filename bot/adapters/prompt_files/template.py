"""The template language of prompts: variables, filters, `if`, and `for` over declared lists.

What passes the checks can be neither slow nor endless: loops run over short lists and don't nest,
nothing multiplies text, and every branch has been tried once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from bot.adapters.prompt_files.syntax import FILTERS, TESTS, TemplateFault, check_tree

MAX_RESULT_BYTES = 200_000


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.tests = {
        name: test
        for name, test in environment.tests.items()
        # Comparisons (`==`) are tests inside, too.
        if name in TESTS or name in {"eq", "ne", "lt", "gt", "le", "ge", "in"}
    }
    return environment


_ENVIRONMENT = _environment()


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """One text of a prompt, ready to be filled in."""

    text: str = field(repr=False)
    compiled: Template | None = field(repr=False, default=None)
    """None: the text holds nothing to fill in."""

    def render(self, values: Mapping[str, Any], limit_bytes: int = MAX_RESULT_BYTES) -> str:
        """The text with its variables filled in, cut at the limit."""
        if self.compiled is None:
            return self.text
        text = "".join(_pieces(self.compiled, values, limit_bytes))
        return text.encode()[:limit_bytes].decode(errors="ignore").strip()


def check_template(
    text: str, variables: Mapping[str, Any], trial_values: Mapping[str, Any]
) -> tuple[TextTemplate, list[TemplateFault]]:
    """The compiled text and its faults; with faults it must not be used."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return TextTemplate(text.strip()), []
    try:
        tree = _ENVIRONMENT.parse(text)
        faults = check_tree(tree, variables)
        if faults:
            return TextTemplate(text), faults
        faults = _try(_EveryBranch().visit(tree), trial_values)
        return TextTemplate(text, _ENVIRONMENT.from_string(text)), faults
    except TemplateSyntaxError as error:
        return TextTemplate(text), [TemplateFault(error.lineno, _one_line(error.message))]
    except (RecursionError, SyntaxError, MemoryError):
        # Python's own compiler gives up on what is nested too deeply.
        return TextTemplate(text), [TemplateFault(1, "too deeply nested: make it simpler")]


def _try(tree: nodes.Template, values: Mapping[str, Any]) -> list[TemplateFault]:
    """Render every branch once, so that no customer's name can be the first to find a mistake."""
    template = Template.from_code(_ENVIRONMENT, _ENVIRONMENT.compile(tree), {})
    try:
        for _ in _pieces(template, values, 10 * MAX_RESULT_BYTES):
            pass
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        line = _line_of(error.__traceback__, template)
        return [TemplateFault(line, f"can't be worked out: {_one_line(str(error))}")]
    return []


def _pieces(template: Template, values: Mapping[str, Any], limit: int) -> Iterator[str]:
    length = 0
    for piece in template.root_render_func(template.new_context(dict(values))):
        yield piece
        length += len(piece)
        if length > limit:
            return


def _line_of(trace: TracebackType | None, template: Template) -> int:
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line


def _one_line(message: str | None) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in message or "").split())


class _EveryBranch(NodeTransformer):
    """Turns choices into sequences: what would be rendered in any case is rendered always."""

    def visit_If(self, node: nodes.If) -> list[nodes.Node]:  # noqa: N802 - jinja2 calls it so
        self.generic_visit(node)
        test = nodes.Output([node.test], lineno=node.lineno)
        return [test, *node.body, *node.elif_, *node.else_]

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        parts = [node.test, node.expr1, *([] if node.expr2 is None else [node.expr2])]
        return nodes.List(parts, lineno=node.lineno)

    def visit_And(self, node: nodes.And) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        return nodes.List([node.left, node.right], lineno=node.lineno)

    def visit_Or(self, node: nodes.Or) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        return nodes.List([node.left, node.right], lineno=node.lineno)
