"""What runs processes: supervisor, embedded server, watchdog, demo, grader."""
