"""What a device does to an answer: predicted, budgeted, swept, and compared with digital machines."""
