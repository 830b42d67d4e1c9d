"""The demo model: the small world it knows, how that world is described, and how its pictures are graded."""
