"""The drawn world: the scenes the next demo model learns from, how they are painted, worded and graded."""
