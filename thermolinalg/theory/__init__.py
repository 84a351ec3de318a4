"""What is known of a process without running it: laws, transitions, equilibria.

`equilibrium` is the oracle. Nothing that simulates, measures or solves may import it.
"""
