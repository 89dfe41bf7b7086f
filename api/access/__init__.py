"""Who may call: tokens, clients, and each client's own jobs."""
