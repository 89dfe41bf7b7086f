"""The console: pages for people, at ``/``; see docs/console.md.

Every page is one template and one module of ``static/`` on the same API that programs use.
"""
