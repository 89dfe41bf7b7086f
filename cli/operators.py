"""``limner operators``: who may look at the whole gateway, or steer it, over HTTP."""

from __future__ import annotations

import argparse

from cli import show
from limner.store.operators import Role


def add(options: argparse.Namespace) -> int:
    """Create an operator and print its token, which is shown only once."""
    token = show.open_store().operators.add(show.actor(), options.name, Role(options.role))
    print(f"operator  {options.name} ({options.role})")
    print(f"token     {token}")
    print("It is not shown again.")
    return 0


def listing(options: argparse.Namespace) -> int:
    """Print one line per operator."""
    operators = show.open_store().operators.all()
    if not operators:
        print("There are no operators yet: limner operators add NAME --role view|steer")
        return 0
    show.table([("NAME", "ROLE"), *((one.name, one.role.value) for one in operators)])
    return 0


def change(options: argparse.Namespace) -> int:
    """Give an operator another role."""
    show.open_store().operators.change(show.actor(), options.name, Role(options.role))
    print(f"The role of {options.name} is {options.role} from now on.")
    return 0


def rotate_token(options: argparse.Namespace) -> int:
    """Give an operator a new token and print it, only this once."""
    print(f"token   {show.open_store().operators.rotate_token(show.actor(), options.name)}")
    print("It is not shown again. The old one opens nothing any more.")
    return 0


def remove(options: argparse.Namespace) -> int:
    """Forget an operator."""
    show.open_store().operators.remove(show.actor(), options.name)
    print(f"{options.name} is no operator any more.")
    return 0
