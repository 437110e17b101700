"""What UpNext promises, checked."""
