"""What ratings teach, on plain arrays: predicted scores, personal taste, reasons, and how models compare."""
