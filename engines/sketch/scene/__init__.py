"""The elements, by kind. ``engines/sketch/catalogue.py`` lists the modules, and imports them."""
