"""What a GPU makes of the real architectures, in one unattended command within eight minutes."""
