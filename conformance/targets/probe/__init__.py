"""Does an engine do what stores rely on?"""
