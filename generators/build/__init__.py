"""From families to the files in ``vectors/``, and back to what they say."""
