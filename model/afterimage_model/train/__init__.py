"""Trains the demo model from nothing: pictures, autoencoder, words, diffusion, and the folder they become.

Read in this order: `vae` learns to squeeze a picture into 16×16 numbers, `dataset` draws and squeezes all of them,
`tokenizer` and `diffusion` learn to make such numbers from words, `export` writes the diffusers folder.
"""
