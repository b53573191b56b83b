"""Where the faces come from: the generator, the downloads, and the fast readers of every format."""
