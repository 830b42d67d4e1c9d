"""Lambdas that touch pixels. They read what the other functions wrote in S3, and share no code with them."""
