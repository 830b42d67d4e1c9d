def doctor() -> None:
    """x."""
