"""Self-contained HTML pages: pictures and plots are embedded, everything is escaped, nothing is fetched."""
