"""When the digital machine and the device of TNGD do what, and what that means for training."""
