"""The promises under fire: hundreds of requests through a local cloud in which what can go wrong does, by a seed.

`cases.py` says what happens to each request and how it must end, `acts.py` does what no message does by itself,
`campaign.py` runs it, `verdict.py` counts what came out otherwise. `make fire` prints the table and keeps it in
`results/`.
"""
