"""What a device does to an answer: predicted, budgeted, swept, compared with digital machines."""
