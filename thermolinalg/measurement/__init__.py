"""Reading a running process: moments, error bars, work, the analog integrator; diagnosis."""
