"""Published experiments, run again by name: what was claimed, what was run, what was found."""
