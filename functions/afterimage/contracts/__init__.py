"""Shapes that cross a process boundary, written once with the standard library only, shown in events/."""
