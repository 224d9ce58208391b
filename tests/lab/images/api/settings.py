"""What the application is told: secrets as files, everything else fixed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SECRETS = Path("/run/secrets")
PORT = 8080
DATABASE = "app"
SESSION_SECONDS = 24 * 3600
LARGEST_VALUE = 1 << 20  # bytes of a JSON body
LARGEST_FILE = 256 << 20
DRAIN_SECONDS = 8  # how long requests in flight may take after SIGTERM


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The three secrets of the application."""

    mongodb: str
    redis: str
    token_key: bytes


def load_settings(folder: Path = SECRETS) -> Settings:
    """Raises OSError when a secret is missing."""
    return Settings(
        mongodb=(folder / "mongodb.uri").read_text().strip(),
        redis=(folder / "redis.uri").read_text().strip(),
        token_key=(folder / "token.key").read_bytes().strip(),
    )
