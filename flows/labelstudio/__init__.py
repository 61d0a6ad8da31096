"""The laboratory around Label Studio: its server, sending tasks, collecting ratings, raters, and the front door."""
