"""The training loop: a generator of steps, watched by callbacks, summed up in a result."""
