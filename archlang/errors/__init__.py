"""The words of every diagnostic: one frozen dataclass each, by what they are about. Raise sites build no strings."""
