"""The machine a process runs on: what it really does, and what it costs in time and energy."""
