"""The `afterimage` command: ask for pictures, watch them being made, read the mail, look after the local cloud."""
