"""Couplings as graphs: who pulls at whom, what that tells, and on which hardware it fits."""
