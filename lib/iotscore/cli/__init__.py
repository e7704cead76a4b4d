"""What runs jobs: arguments, configuration, the session, exit codes, closing tables."""
