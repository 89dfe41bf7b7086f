"""The ``limner`` command, one file per group of subcommands.

``parser`` defines them; ``processes`` runs the gateway; ``clients``, ``operators``, ``engines``,
``jobs``, ``many``, ``callbacks``, ``levers``, ``pictures`` and ``schema`` show and change its data; ``top`` watches
it; ``doctor`` finds problems. Operators' mistakes are reported in one line, never with a traceback.
"""
