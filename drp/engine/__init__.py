"""Steps, time and memory. It has never heard of Docker, DNS or databases."""
