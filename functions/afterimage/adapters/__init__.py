"""One technology per file. Each turns the ClientErrors that it understands into our errors and passes the rest on."""
