"""What liars are made with, and how they are tried."""
