"""One technology per file. Each turns the ClientErrors that it understands into product errors and passes the rest on."""
