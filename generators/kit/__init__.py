"""What the vector families are made with."""
