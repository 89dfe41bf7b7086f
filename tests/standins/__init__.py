"""Servers on loopback that stand in for drawing engines, with their faults to switch on."""
