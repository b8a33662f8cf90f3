"""The domain layer: how dialogues are read and written, once for all partition stores."""
