"""One verdict object, and the forms it is shown in: the terminal and ``report.json``."""
