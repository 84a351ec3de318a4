"""Reading a running process: streaming moments, the analog integrator, second moments."""
