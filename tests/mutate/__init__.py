"""Mutation testing: change one thing, run the tests that can see it, and list what none of them notices.

``make mutate`` runs it; docs/testing.md says how to read its report. ``areas.py`` says which files
belong to what, ``lua.py`` and ``python.py`` make the mutants, ``seen.py`` records once which tests see
which script and which line, ``judge.py`` runs those tests against one mutant, ``report.py`` keeps and
adds up the results, and ``equivalent.toml`` lists the mutants that no test could kill, each with the
reason.
"""
