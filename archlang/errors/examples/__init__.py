"""An example of each problem, with a way out: shown by `archc explain` and in docs/errors, held to what archc says."""
