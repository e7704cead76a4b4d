"""Send alerts to a webhook, in Slack's form, or as e-mails to a folder."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from email.message import EmailMessage
from email.utils import format_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from iotscore.alerts.alert import rank
from iotscore.errors import ConfigError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

TIMEOUT: Final = 10.0
"""Seconds that a receiver has to answer."""
_MOST_SENT: Final = 20
"""Alerts in one message; the table has all of them."""
_MOST_WAIT: Final = 60.0
"""Seconds; a receiver may ask for longer and gets its next try then."""


def text_of(alerts: Sequence[dict[str, Any]]) -> str:
    """Return a line per alert, the worst first."""
    ordered = sorted(alerts, key=lambda row: rank(row["severity"]), reverse=True)
    lines = [
        one_line(
            f"{row['severity']}: {row['kind']} of {row['device'] or 'all devices'}, "
            f"{row['event_day']}: {row['message']} [{row['alert_id']}]"
        )
        for row in ordered[:_MOST_SENT]
    ]
    if len(ordered) > _MOST_SENT:
        lines.append(f"and {len(ordered) - _MOST_SENT} more: see the table alerts")
    return "\n".join(lines)


def post(
    url: str,
    alerts: Sequence[dict[str, Any]],
    attempts: int,
    wait: Callable[[float], None] = time.sleep,
) -> str | None:
    """Post alerts as JSON, ``{"text": ...}``, as Slack's incoming webhooks take it.

    Return why they could not be delivered; None if they are.

    An answer that says "not now" (429, 500 and above) or none is tried again after 1, 2, 4 ...
    seconds, or after what ``Retry-After`` asks for. Without alerts nothing is sent. The URL may
    hold a secret and is in no message.

    Raises
    ------
    ConfigError
        The URL cannot be used.
    """
    parts = checked(url)
    if not alerts:
        return None
    # Slack reads these three as mark-up.
    text = text_of(alerts).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = json.dumps({"text": text}).encode()
    request = Request(  # noqa: S310 - checked above
        parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl(),
        body,
        {"Content-Type": "application/json", **_credentials(parts)},
    )
    # A redirected post would become a request without its body, and count as delivered.
    opener, fault = build_opener(_NoRedirect()), ""
    for attempt in range(attempts):
        seconds = float(2**attempt)
        try:
            with opener.open(request, timeout=TIMEOUT):
                return None
        except HTTPError as error:
            error.close()
            fault = f"the receiver answered {error.code}"
            is_busy = error.code == HTTPStatus.TOO_MANY_REQUESTS
            if not is_busy and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                return fault
            asked = error.headers.get("Retry-After", "")
            seconds = max(seconds, float(asked) if asked.isdecimal() else 0.0)
        except (OSError, HTTPException, ValueError) as error:
            # The texts of some hold the URL.
            reason = error.reason if isinstance(error, URLError) else error
            fault = f"the receiver cannot be reached ({type(reason).__name__})"
        if attempt + 1 < attempts:
            wait(min(seconds, _MOST_WAIT))
    return f"{fault}, {attempts} times"


class _NoRedirect(HTTPRedirectHandler):
    """Makes an answer that sends elsewhere an error, as any other that is not 2xx."""

    def redirect_request(self, *_arguments: object) -> None:
        """Follow nothing."""


def checked(url: str) -> SplitResult:
    """Return the parts of a webhook's URL.

    Raises
    ------
    ConfigError
        It is none of the web, or cannot be read; the message does not hold it.
    """
    fault = ""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http"):
            fault = "does not start with https:// or http://"
        elif not parts.hostname:
            fault = "names no host"
        elif parts.port == 0:
            fault = "has port 0"
        elif not url.isascii() or not url.isprintable() or " " in url:
            fault = "holds blanks, control characters or letters beyond ASCII"
    except ValueError:
        fault = "has a host or a port that is none"
    if fault:
        message = f"the webhook's URL {fault}; correct the variable"
        raise ConfigError(message)
    return parts


def secrets_of(url: str) -> list[str]:
    """Return the parts of a webhook's URL that no text may show, and the whole of it."""
    parts = checked(url)
    secrets = [url, parts.netloc.rpartition("@")[0], parts.username, parts.password, parts.query]
    # "services" and "api" are words, and no keys.
    keys = [each for each in parts.path.split("/") if not (each.isalpha() and each.islower())]
    secrets += [*keys, parts.path, parts.fragment]
    return sorted({one for each in secrets if each for one in (each, unquote(each))})


def _credentials(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    account = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(account.encode()).decode()}"}


def write_mail(
    folder: Path,
    alerts: Sequence[dict[str, Any]],
    sender: str,
    recipients: Sequence[str],
    now: datetime,
) -> None:
    """Write one e-mail about all alerts, if any, into a folder, from which a mail program sends it.

    The name is the same for the same alerts, so that a run that was killed and runs again does not
    send it twice.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    if not alerts:
        return
    first = max(alerts, key=lambda row: rank(row["severity"]))
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(recipients)
    mail["Subject"] = one_line(
        f"iotscore: {len(alerts)} alert(s), {first['severity']}: {first['kind']} of "
        f"{first['device'] or 'all devices'}"
    )
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{first['alert_id']}.{len(alerts)}@iotscore.invalid>"
    mail.set_content(text_of(alerts) + "\n")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{first['event_day']}-{first['alert_id']}-{len(alerts)}.eml"
    waiting = path.with_suffix(".part")
    waiting.write_bytes(mail.as_bytes())
    waiting.replace(path)
