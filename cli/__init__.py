"""The ``limner`` command, one file per group of subcommands.

``parser`` declares them. ``drawing``, ``own_jobs`` and ``listening`` are callers' and go over HTTP (``caller``);
``processes`` runs the gateway; ``clients``, ``operators``, ``engines``, ``jobs``, ``many``, ``callbacks``, ``levers``,
``pictures`` and ``schema`` show and change its data; ``top`` watches it; ``doctor`` finds problems. Mistakes are reported
in one line, never with a traceback (``limner/exits.py``).
"""
