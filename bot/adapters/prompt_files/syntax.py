"""What a template may hold, checked on its syntax tree before anything is compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from bot.domain.suggestion import nearest

MAX_STEPS = 10_000
MAX_DEPTH = 20

FILTERS = (
    *("abs", "capitalize", "default", "first", "float", "int", "join", "last", "length"),
    *("lower", "round", "sort", "title", "trim", "truncate", "unique", "upper"),
)
TESTS = ("defined", "even", "none", "number", "odd", "string")
RECORDS = {
    "business": ("name", "timezone", "hours", "is_open", "opens_at", "opens_on", "closes_at"),
    "contact": ("name", "language", "is_new"),
    "line": ("id",),
}
TEXTS = ("line_id", "now", "today", "weekday", "time", "part_of_day")
RESERVED = frozenset({*RECORDS, *TEXTS, "loop", "true", "false", "none", "True", "False", "None"})

_LOOP = ("index", "index0", "first", "last", "length", "revindex")
_PLAIN_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.List,
    nodes.Tuple,
    nodes.Keyword,
)
_TAGS = {
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.FromImport: "import",
    nodes.Getitem: "[ ]",
    nodes.Call: "( )",
}


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """A fault at a line of the template, counted from 1; `word` finds its column."""

    line: int
    message: str
    word: str = ""


def check_tree(tree: nodes.Template, variables: Mapping[str, Any]) -> list[TemplateFault]:
    """Every fault; RecursionError when the tree is nested too deeply even to look at."""
    checker = _Checker(variables)
    checker.visit(tree, _Scope())
    if checker.steps > MAX_STEPS:
        checker.faults.append(TemplateFault(1, "too much to work out: make it shorter"))
    return checker.faults


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where the walk is: within which loop, and how deep."""

    loop_name: str | None = None
    turns: int = 1
    depth: int = 0


@dataclass(slots=True)
class _Checker:
    variables: Mapping[str, Any]
    faults: list[TemplateFault] = field(default_factory=list)
    steps: int = 0

    def visit(self, node: nodes.Node, scope: _Scope) -> None:
        self.steps += scope.turns
        if scope.depth > MAX_DEPTH:
            raise RecursionError
        inner = _Scope(scope.loop_name, scope.turns, scope.depth + 1)
        match node:
            case nodes.For():
                self._loop(node, inner)
            case nodes.Name():
                self._name(node, scope)
            case nodes.Getattr():
                self._attribute(node, scope)
            case nodes.Filter():
                self._filter(node, inner)
            case nodes.CondExpr(expr2=None):
                self._add(node, "write `a if b else c`: without `else` there may be nothing", "if")
            case nodes.Test():
                self._known(node, "test", node.name, TESTS)
                self._children(node, inner)
            case _:
                self._plain(node, inner)

    def _add(self, node: nodes.Node, message: str, word: str = "") -> None:
        self.faults.append(TemplateFault(node.lineno, message, word))

    def _children(self, node: nodes.Node, scope: _Scope) -> None:
        for child in node.iter_child_nodes():
            self.visit(child, scope)

    def _plain(self, node: nodes.Node, scope: _Scope) -> None:
        if isinstance(node, _PLAIN_NODES):
            self._children(node, scope)
            return
        name = _TAGS.get(type(node), type(node).__name__.lower())
        self._add(node, f"`{name}` is not for prompts: only variables, filters, `if` and `for` are")

    def _known(self, node: nodes.Node, kind: str, name: str, known: tuple[str, ...]) -> None:
        if name not in known:
            self._add(node, f"no such {kind} `{name}`; {nearest(name, known)}", name)

    def _name(self, node: nodes.Name, scope: _Scope) -> None:
        if node.name in RECORDS:
            example = f"{node.name}.{RECORDS[node.name][0]}"
            self._add(node, f"`{node.name}` has parts: write `{example}`", node.name)
        elif node.name not in {*self.variables, *TEXTS, scope.loop_name}:
            known = (*self.variables, *TEXTS, *(_parts()))
            hint = nearest(node.name, known)
            message = f"unknown variable `{node.name}`; {hint}, or declare it under `variables`"
            self._add(node, message.replace("?, or", "? Or"), node.name)

    def _attribute(self, node: nodes.Getattr, scope: _Scope) -> None:
        owner = node.node.name if isinstance(node.node, nodes.Name) else ""
        loop = _LOOP if scope.loop_name is not None else None
        known = loop if owner == "loop" else RECORDS.get(owner)
        if known is None:
            message = f"`.{node.attr}` is not for prompts; known: {', '.join(_parts())}"
            self._add(node, message, node.attr)
        else:
            self._known(node, "part", node.attr, known)

    def _filter(self, node: nodes.Filter, scope: _Scope) -> None:
        self._known(node, "filter", node.name, FILTERS)
        for argument in (*node.args, *(keyword.value for keyword in node.kwargs)):
            short = isinstance(argument, nodes.Const) and len(str(argument.value)) <= 100
            if not short:
                self._add(node, f"give `{node.name}` short fixed values only", node.name)
        if node.name == "join" and not self._is_list(node.node):
            # Joining the letters of a text, again and again, could make it endless.
            self._add(node, "`join` is for declared lists only", "join")
        if node.dyn_args is not None or node.dyn_kwargs is not None or node.node is None:
            self._add(node, f"write `{node.name}` as `value | {node.name}`", node.name)
            return
        self.visit(node.node, scope)

    def _is_list(self, node: nodes.Node | None) -> bool:
        while isinstance(node, nodes.Filter) and node.name in {"sort", "unique"}:
            node = node.node
        return isinstance(node, nodes.Name) and isinstance(self.variables.get(node.name), tuple)

    def _loop(self, node: nodes.For, scope: _Scope) -> None:
        items, target = node.iter, node.target
        if scope.loop_name is not None:
            self._add(node, "a `for` inside a `for`: write them one after the other", "for")
            return
        if not isinstance(items, nodes.Name) or not self._is_list(items):
            self._add(node, "`for` goes over a list declared under `variables` only", "for")
            return
        if node.test is not None or node.recursive or not isinstance(target, nodes.Name):
            self._add(node, "write it as `for item in list`, and an `if` inside it", "for")
            return
        if target.name in {*self.variables, *RESERVED}:
            self._add(node, f"`{target.name}` is taken: call the item something else", target.name)
        self._bodies(node, target.name, scope)

    def _bodies(self, node: nodes.For, item: str, scope: _Scope) -> None:
        turns = len(self.variables[node.iter.name]) if isinstance(node.iter, nodes.Name) else 1
        for child in node.body:
            self.visit(child, _Scope(item, max(turns, 1), scope.depth + 1))
        for child in node.else_:
            self.visit(child, scope)


def _parts() -> tuple[str, ...]:
    return tuple(f"{owner}.{part}" for owner, parts in RECORDS.items() for part in parts)
