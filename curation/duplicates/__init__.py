"""Near copies: the exact Hamming join, the second look, groups, representatives, bursts, and their evaluator."""
