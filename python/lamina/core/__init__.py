"""What every floor above stands on: tensors and the tape, captured steps, names and small helpers."""
