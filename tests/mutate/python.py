"""Mutants of Python modules, by Cosmic Ray's operators and two of our own.

Its operators know comparisons, constants, logic, decorators, loops and exceptions; not that a call may
be left out, nor an argument such as a time-out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider

from tests.mutate.mutant import Mutant

#: the ones that change what a program does without making many mutants of one kind
_PICKED = (
    *("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceUnaryOperator_Delete_Not"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "NumberReplacer", "RemoveDecorator"),
    *("ZeroIterationForLoop", "ExceptionReplacer", "ReplaceBreakWithContinue"),
    *("ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq"),
    *("ReplaceComparisonOperator_Lt_LtE", "ReplaceComparisonOperator_LtE_Lt"),
    *("ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_GtE_Gt"),
    *("ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is"),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add"),
    *("ReplaceBinaryOperator_Mul_Div", "ReplaceBinaryOperator_Div_Mul"),
)


class DropCall(Operator):  # type: ignore[misc]
    """Leave out a statement that is nothing but a call."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the call's place."""
        if node.type in ("atom_expr", "await") and node.parent.type == "simple_stmt":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put ``None`` there, which does nothing."""
        prefix = node.get_first_leaf().prefix
        new = get_ast("None").children[0]
        new.prefix = prefix
        return new

    @classmethod
    def examples(cls) -> Any:
        """Return what it does, as Cosmic Ray asks of each operator."""
        return (Example("close()", "None"),)


class DropKeyword(Operator):  # type: ignore[misc]
    """Leave out one keyword argument of a call: a time-out, a flag."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the place of each of a call's keyword arguments."""
        for argument in self._keywords(node):
            yield argument.start_pos, argument.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Take the argument out, with the comma after it."""
        if node.type == "trailer":
            node.children[1] = get_ast("").children[0]
            return node
        argument = list(self._keywords(node))[index]
        at = node.children.index(argument)
        del node.children[at : at + 2]
        return node

    @staticmethod
    def _keywords(node: Any) -> Iterator[Any]:
        # parso: f(a=1) is trailer( '(' argument ')' ), f(a=1, b=2) has an arglist between.
        inside = node.children[1:2] if node.type == "trailer" else ()
        inside = node.children if node.type == "arglist" else inside
        for child in inside:
            if child.type == "argument" and getattr(child.children[1], "value", "") == "=":
                yield child

    @classmethod
    def examples(cls) -> Any:
        """Return what it does, as Cosmic Ray asks of each operator."""
        return (Example("f(1, timeout=2)", "f(1,)"),)


def _operators() -> dict[str, Operator]:
    provider = OperatorProvider()
    known = {name: provider[name]() for name in _PICKED}
    return {**known, "DropCall": DropCall(), "DropKeyword": DropKeyword()}


def mutants(root: Path, path: str) -> Iterator[Mutant]:
    """Yield every mutant of one module."""
    source = (root / path).read_text(encoding="utf-8")
    lines = source.splitlines()
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in _operators().items():
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(places):
            line = start[0]
            yield Mutant(
                path,
                line,
                name,
                lines[line - 1].strip(),
                partial(mutate_code, source, operator, occurrence),
            )
