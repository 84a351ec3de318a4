"""Q-Newton: Newton steps by blocks, and what a quantum linear solver for them would cost."""
