"""Running a process: integrators behind one contract, and the one loop that steps them."""
