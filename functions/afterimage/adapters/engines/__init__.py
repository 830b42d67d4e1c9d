"""One engine per file: something that makes pictures and answers later."""
