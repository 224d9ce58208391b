"""How single values are written. Each reader turns text into a value or says what would be right.

No reader of secrets repeats what it was given.
"""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, WithJsonSchema

from drp.model.cron import read_cron
from drp.model.hours import Hours, parse_hours
from drp.model.inventory import SecretRef
from drp.model.values import parse_duration, parse_size

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DOMAIN: Final = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_IMAGE: Final = re.compile(r"sha256:[0-9a-f]{64}")
_SECRET: Final = re.compile(r"(sealed|env|file|command):(\S(?:.*\S)?)")
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_INSTANCE_ENDING: Final = re.compile(r".*-(e\d{4,}|drill-\w+)")
_MAIL: Final = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+\.[^\s@<>,;.\"]+")
_LONGEST_NAME: Final = 40  # leaves room for the instance and the role in a host name of 63 characters


class FieldError(ValueError):
    """What is wrong with a value, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ShapeError(FieldError):
    """Not even the kind of value is right; the message names what is expected."""


def read_text(value: Any) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ShapeError("a text")
    return value


def read_name(value: Any) -> str:
    text = read_text(value)
    if not _NAME.fullmatch(text) or len(text) > _LONGEST_NAME:
        raise FieldError(
            f"cannot use name '{text}': write small letters, digits and single '-', at most {_LONGEST_NAME}, "
            "beginning with a letter"
        )
    return text


def read_tenant_name(value: Any) -> str:
    text = read_name(value)
    if text == "all" or _INSTANCE_ENDING.fullmatch(text):
        raise FieldError(f"cannot use name '{text}': drp itself uses such names")
    return text


def read_size(value: Any) -> int:
    return parse_size(read_text(value))


def read_duration(value: Any) -> timedelta:
    return parse_duration(read_text(value))


def read_count(value: Any) -> int:
    text = read_text(value)
    if not text.isascii() or not text.isdecimal() or int(text) == 0:
        raise FieldError(f"cannot read number '{text}': write a whole number above 0, as in 512")
    return int(text)


def read_canary(value: Any) -> int:
    count = read_count(value)
    if count < 2:
        raise FieldError("one canary shows no common cause: write 2 or more")
    return count


def read_share(value: Any) -> float:
    text = read_text(value)
    number = text.removesuffix("%")
    if not text.endswith("%") or not number.isascii() or not number.isdecimal() or int(number) > 100:
        raise FieldError(f"cannot read share '{text}': write a percentage, as in 20%")
    return int(number) / 100


def read_uid(value: Any) -> int:
    number = read_count(value)
    if number >= 65534:
        raise FieldError(f"cannot use id '{number}': write one from 1 to 65533")
    return number


def read_port(value: Any) -> int:
    number = read_count(value)
    if number > 65535:
        raise FieldError(f"cannot use port '{number}': write one from 1 to 65535")
    return number


def read_status(value: Any) -> int:
    number = read_count(value)
    if not 100 <= number <= 599:
        raise FieldError(f"cannot use status '{number}': write one from 100 to 599")
    return number


def read_cores(value: Any) -> float:
    text = read_text(value)
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise FieldError(f"cannot read number of cores '{text}': write 2 or 0.5")
    return float(text)


def read_flag(value: Any) -> bool:
    text = read_text(value)
    if text not in ("true", "false"):
        raise FieldError(f"cannot read '{text}': write true or false")
    return text == "true"


def read_timezone(value: Any) -> str:
    text = read_text(value)
    try:
        zoneinfo.ZoneInfo(text)
    except (OSError, ValueError, KeyError) as error:
        message = f"cannot read time zone '{text}': write its IANA name, as in Europe/Paris"
        raise FieldError(message) from error
    return text


def read_schedule(value: Any) -> str:
    return read_cron(read_text(value))


def read_hours(value: Any) -> Hours | None:
    """``none`` -> None."""
    text = read_text(value)
    return None if text == "none" else parse_hours(text)


def read_mail(value: Any) -> str:
    text = read_text(value)
    if not _MAIL.fullmatch(text):
        raise FieldError(f"cannot read mail address '{text}': write one alone, as in ops@example.com")
    return text


def read_country(value: Any) -> str:
    text = read_text(value)
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise FieldError(f"cannot read country '{text}': write two capital letters, as in FR")
    return text


def read_address(value: Any) -> str:
    text = read_text(value)
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise FieldError(f"cannot read address '{text}': write an IPv4 address, as in 192.0.2.10") from error


def read_subnet(value: Any) -> str:
    text = read_text(value)
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        message = f"cannot read subnets '{text}': write an IPv4 network, as in 10.64.0.0/20"
        raise FieldError(message) from error
    if network.prefixlen > 25:
        # Two blocks of 16 addresses are the edge's and the helpers', each instance takes three.
        raise FieldError(f"cannot use subnets '{text}': room for one tenant needs a /25 at least")
    return str(network)


def read_engine(value: Any) -> str:
    text = read_text(value)
    match = re.fullmatch(r"tcp://([0-9.]+):([0-9]+)", text)
    if not match:
        raise FieldError(f"cannot read engine '{text}': write tcp://ADDRESS:PORT, as in tcp://10.3.0.1:2376")
    return f"tcp://{read_address(match.group(1))}:{read_port(match.group(2))}"


def read_url(value: Any) -> str:
    text = read_text(value)
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise FieldError("a secret must not stand here: write the URL without it, and the key in `key`")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise FieldError(f"cannot read URL '{text}': write https://HOST")
    return text


def read_domain(value: Any) -> str:
    text = read_text(value).removesuffix(".")
    if not _DOMAIN.fullmatch(text):
        raise FieldError(f"cannot read domain '{text}': write it in small letters, as in acme.example.com")
    return text


def read_image(value: Any) -> str:
    text = read_text(value)
    if not _IMAGE.fullmatch(text):
        raise FieldError(
            f"cannot read image '{text}': write its ID, sha256: and 64 hexadecimal digits",
            "An engine that has the image tells it: `docker image inspect --format '{{.Id}}' IMAGE`.",
        )
    return text


def read_destination(value: Any) -> str:
    text = read_text(value)
    host, _, port = text.rpartition(":")
    if not (_DOMAIN.fullmatch(host) or re.fullmatch(r"[0-9.]+(/\d+)?", host)) or not port.isdecimal():
        raise FieldError(f"cannot read destination '{text}': write HOST:PORT, as in smtp.example.net:465")
    return text


def read_collection(value: Any) -> str:
    text = read_text(value)
    database, _, collection = text.partition(".")
    if not database or not collection:
        raise FieldError(f"cannot read collection '{text}': write DATABASE.COLLECTION, as in app.drp_probe")
    return text


def read_path(value: Any) -> str:
    text = read_text(value)
    if not text.startswith("/"):
        raise FieldError(f"cannot read path '{text}': it begins with /")
    return text


def read_data_path(value: Any) -> str:
    """A path, or ``none`` -> ""."""
    return "" if value == "none" else read_path(value)


def read_secret(value: Any) -> SecretRef:
    """A reference. The message does not repeat what stands there: it may be the secret itself."""
    match = _SECRET.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise FieldError(
            "a secret must not stand here: write sealed:NAME, env:NAME, file:PATH or command:PROGRAM",
            "Put it into the sealed file with `drp secrets set NAME`, and change it: it stood in a file.",
        )
    kind, name = match.group(1), match.group(2)
    if kind in ("sealed", "env") and not _SECRET_NAME.fullmatch(name):
        raise FieldError(f"cannot read the name after '{kind}:': letters, digits, '.', '_' and '-' only")
    return SecretRef(kind=kind, name=name)  # type: ignore[arg-type]


def read_unlock(value: Any) -> SecretRef:
    ref = read_secret(value)
    if ref.kind == "sealed":
        raise FieldError("the key of the sealed file cannot be in it: write command:, file: or env:")
    return ref


def _type(read: Callable[[Any], Any], **schema: Any) -> Any:
    return BeforeValidator(read), WithJsonSchema({"type": "string", **schema})


Text = Annotated[str, *_type(read_text)]
Name = Annotated[str, *_type(read_name, pattern=f"^{_NAME.pattern}$")]
TenantName = Annotated[str, *_type(read_tenant_name, pattern=f"^{_NAME.pattern}$")]
Size = Annotated[int, *_type(read_size, pattern=r"^\d+(\.\d+)? ?([kMGT]i?)?B$")]
Duration = Annotated[timedelta, *_type(read_duration, pattern=r"^(\d+(\.\d+)?(ms|[smhd]))+$")]
Count = Annotated[int, *_type(read_count, type="integer", minimum=1)]
Canary = Annotated[int, *_type(read_canary, type="integer", minimum=2)]
Share = Annotated[float, *_type(read_share, pattern=r"^\d{1,3}%$")]
Uid = Annotated[int, *_type(read_uid, type="integer", minimum=1, maximum=65533)]
Port = Annotated[int, *_type(read_port, type="integer", minimum=1, maximum=65535)]
Status = Annotated[int, *_type(read_status, type="integer", minimum=100, maximum=599)]
Cores = Annotated[float, *_type(read_cores, type="number", exclusiveMinimum=0)]
Flag = Annotated[bool, *_type(read_flag, type="boolean")]
Timezone = Annotated[str, *_type(read_timezone)]
Cron = Annotated[str, *_type(read_schedule)]
WorkHours = Annotated[Hours | None, *_type(read_hours)]
Mail = Annotated[str, *_type(read_mail, format="email")]
Country = Annotated[str, *_type(read_country, pattern="^[A-Z]{2}$")]
Address = Annotated[str, *_type(read_address, format="ipv4")]
Subnet = Annotated[str, *_type(read_subnet)]
Engine = Annotated[str, *_type(read_engine, pattern=r"^tcp://[0-9.]+:\d+$")]
Url = Annotated[str, *_type(read_url, pattern="^https?://")]
Domain = Annotated[str, *_type(read_domain)]
Image = Annotated[str, *_type(read_image, pattern=f"^{_IMAGE.pattern}$")]
Destination = Annotated[str, *_type(read_destination)]
Collection = Annotated[str, *_type(read_collection)]
AbsolutePath = Annotated[str, *_type(read_path, pattern="^/")]
DataPath = Annotated[str, *_type(read_data_path, pattern="^(/|none$)")]
Reference = Annotated[SecretRef, *_type(read_secret, pattern="^(sealed|env|file|command):")]
Unlock = Annotated[SecretRef, *_type(read_unlock, pattern="^(env|file|command):")]
Inline = Annotated[str, *_type(read_text)]
"""A public text, or ``file:PATH`` (relative to the configuration's folder) where it stands."""
