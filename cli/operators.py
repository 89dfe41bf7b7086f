"""``limner operators``: who may look at the whole gateway, or steer it, over HTTP."""

from __future__ import annotations

import argparse

from cli import show
from limner.printing import document, line
from limner.store.operators import Role


def add(options: argparse.Namespace) -> int:
    """Create an operator and print its token, which is shown only once."""
    token = show.open_store().operators.add(show.actor(), options.name, Role(options.role))
    if options.json:
        document({"operator": options.name, "role": options.role, "token": token})
        return 0
    line(f"operator  {options.name} ({options.role})")
    line(f"token     {token}")
    line("It is not shown again.")
    return 0


def listing(options: argparse.Namespace) -> int:
    """Print one line per operator."""
    operators = show.open_store().operators.all()
    if options.json:
        document({"data": [{"name": one.name, "role": one.role.value} for one in operators]})
        return 0
    if not operators:
        line("There are no operators yet: limner operators add NAME --role view|steer")
        return 0
    show.table([("NAME", "ROLE"), *((one.name, one.role.value) for one in operators)])
    return 0


def change(options: argparse.Namespace) -> int:
    """Give an operator another role."""
    show.open_store().operators.change(show.actor(), options.name, Role(options.role))
    sentence = f"The role of {options.name} is {options.role} from now on."
    return show.outcome(options, sentence, {"operator": options.name, "role": options.role})


def rotate_token(options: argparse.Namespace) -> int:
    """Give an operator a new token and print it, only this once."""
    token = show.open_store().operators.rotate_token(show.actor(), options.name)
    if options.json:
        document({"operator": options.name, "token": token})
        return 0
    line(f"token   {token}")
    line("It is not shown again. The old one opens nothing any more.")
    return 0


def remove(options: argparse.Namespace) -> int:
    """Forget an operator."""
    show.open_store().operators.remove(show.actor(), options.name)
    sentence = f"{options.name} is no operator any more."
    return show.outcome(options, sentence, {"operator": options.name, "removed": True})
