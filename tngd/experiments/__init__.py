"""Experiments that anyone can repeat: a fair comparison of optimizers, and its report."""
