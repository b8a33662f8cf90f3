"""The contract as a run: does a backend keep it, rule by rule?"""
