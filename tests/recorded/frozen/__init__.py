"""Whole stores as releases left them, to be read by the code of today: one file for each release.

``scene.py`` fills a store by the code of the release, in every way that keeps something; the file has every key
with its type, value and time to live, the moment at which the store was left, and what the release itself
answered when it was asked about all of it. Plain values, so that any server can take them. ``0.1.0.json`` is of the
commit that ``tests/acceptance/upgrade/released.txt`` names.

A file is never made again to have a change pass: data such as these lie in people's Redis. After a release,
``python -m tests.recorded.frozen`` adds the next one.
"""
