"""Probabilistic programs of physics: declare oscillators and couplings, hold, observe, infer."""
