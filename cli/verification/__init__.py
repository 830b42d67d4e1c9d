"""What a picture file says about where it comes from, and whether that still holds."""
