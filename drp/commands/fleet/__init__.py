"""Orders for many tenants at once: who is meant, what is asked, how it ends for each and in all."""
