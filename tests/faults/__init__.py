"""The night under faults: killed, stopped, without room, without Redis, twice at once."""
