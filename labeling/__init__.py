"""Rating protocols, designs, the Label Studio adapter, ratings to scores, and what ratings teach. No storage."""
