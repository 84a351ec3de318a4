"""Stochastic systems as they are written on paper: symbols, derived and run."""
