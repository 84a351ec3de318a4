"""Curvature matrices of an objective, as operators: what a natural gradient divides by."""
