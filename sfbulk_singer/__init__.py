"""What the tap and the target share: plugin, command, settings of streams, names, numbers."""
