"""Probabilistic programs: a potential written down, and what is known of its equilibrium."""
