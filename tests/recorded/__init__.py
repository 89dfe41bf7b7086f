"""What callers were answered in the past, recorded, and replayed against the code of today.

``before_ask_for_more/`` was recorded by the code just before callers could ask for more than the 14
documented fields (seed, count, size and so on). A caller who knows only those fields must see the same
answers and callbacks for ever, with new keys at most.

So it is never recorded again to make a change pass, and the recorder refuses to overwrite a file. A
difference that has to be is named in ``DIFFERS`` of ``test_recorded.py``, with its reason.

A recording is a list of steps. Each says what to ``do`` (a method of ``house.House``), ``with`` which
arguments, and what was ``told``. What is random has marks in its place (``marks.py``).
"""
