"""Ways to solve (C + damping I) x = g for a curvature C: digitally, or by letting physics do it."""
