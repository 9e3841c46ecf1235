"""What each agency is told of its deliveries: one folder per agency and night."""
