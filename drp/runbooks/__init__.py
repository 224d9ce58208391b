"""From the text of a runbook to a frozen plan."""
