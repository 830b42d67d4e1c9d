"""The cloud on a laptop: emulator, mail, SageMaker runtime and model server as plain processes, without an account."""
