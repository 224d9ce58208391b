"""The application that the tenants of the laboratory run."""
