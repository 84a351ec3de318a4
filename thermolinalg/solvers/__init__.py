"""Linear-algebra problems as systems to program, run and measure.

A solver is encode . plan . run . decode. None of them solves the problem digitally: `baseline`
does, for the report alone.
"""
