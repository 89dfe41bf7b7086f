"""The elements, by kind. ``engines/sketch/catalogue.py`` imports and lists the modules."""
