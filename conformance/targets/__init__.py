"""How a backend under test is reached, and the engines that it needs."""
