"""Managed layers of moderation, one service per file; each implements `ports.Moderator`."""
