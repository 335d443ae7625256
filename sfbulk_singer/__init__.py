"""What the tap and the target both need of Singer: command, signals, names, numbers."""
