"""The seam for hosted engines: accounts at hosts that queue a drawing, answer with an id, and are polled.

A driver is a ``Host`` (``host``): what it asks for, how it submits, looks and cancels. Everything else is
here: ``engine`` keeps the worker's contract for any host, and never pays twice; ``watching`` polls, fetches
and reports; ``account`` makes the requests; ``setup`` reads the options that all of them have. A host whose
answer is the drawing itself is an ``AtOnceHost`` (``at_once``).
"""
