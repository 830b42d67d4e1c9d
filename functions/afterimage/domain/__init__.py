"""What Afterimage knows without any technology: requests, statuses, presets, moderation, links, errors."""
