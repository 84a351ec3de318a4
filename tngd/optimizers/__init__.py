"""Optimizers: a direction to go, and a rule that turns it into a step. The two slots multiply."""
