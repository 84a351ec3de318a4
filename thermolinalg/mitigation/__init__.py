"""Answers in spite of imperfections: averaged, calibrated, extrapolated, each with an error bar."""
