"""Makes the test vectors: a second opinion, so it imports nothing of the project.

One module for each vector family. They are part of the source distribution only.
"""
