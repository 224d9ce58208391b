"""When drills are due: schedules of the configuration and of the witness, and who begins what."""
