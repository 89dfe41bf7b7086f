"""The ``limner`` command, one file for each kind of subcommand.

``parser`` says what there is; ``processes`` runs the gateway; ``clients``, ``engines``, ``jobs``,
``callbacks`` and ``pictures`` read and change what it keeps; ``doctor`` looks for what is wrong.
Operators' mistakes end in one line, never in a traceback.
"""
