"""Tells people by mail how an update of an endpoint's config has ended."""

import asyncio
import logging
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from lakeserve.core.endpoints import Endpoint, Notifications
from lakeserve.settings import MailSettings

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0


class UpdateMail:
    """Sends mail over the server that the settings name; without one nobody is told.

    What cannot be sent is logged and not tried again: an update does not wait for mail.
    """

    def __init__(self, settings: MailSettings | None) -> None:
        self._settings = settings
        self._sending: set[asyncio.Task[None]] = set()

    def tell(self, endpoint: Endpoint, failure: str | None) -> None:
        """Have those told who asked to be.

        Args:
            endpoint: Whose config was updated.
            failure: Why the update did not come into force; None when it did.
        """
        if self._settings is None:
            return
        message = update_message(endpoint, failure, self._settings.sender)
        if message is not None:
            task = asyncio.create_task(self._send(message))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def sent(self) -> None:
        """Wait until whatever is on its way has left, or has failed to."""
        await asyncio.gather(*self._sending)

    async def _send(self, message: EmailMessage) -> None:
        try:
            await asyncio.to_thread(self._deliver, message)
        except (OSError, smtplib.SMTPException) as error:
            logger.error("mail %r was not sent: %s", message["Subject"], error)

    def _deliver(self, message: EmailMessage) -> None:
        settings = self._settings
        if settings is None:
            return
        with smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_S) as server:
            if settings.starttls:
                server.starttls(context=ssl.create_default_context())
            if settings.user is not None and settings.password is not None:
                server.login(settings.user, settings.password.get_secret_value())
            server.send_message(message)


def update_message(endpoint: Endpoint, failure: str | None, sender: str) -> EmailMessage | None:
    """What those are told who asked for it; None when nobody did."""
    wanted = endpoint.notifications or Notifications()
    receivers = wanted.on_update_success if failure is None else wanted.on_update_failure
    if not receivers:
        return None
    message = EmailMessage()
    outcome = "is updated" if failure is None else "could not be updated"
    message["Subject"] = f"Serving endpoint {endpoint.name} {outcome}"
    message["From"] = sender
    message["To"] = ", ".join(receivers)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    version = endpoint.config_version + (failure is None)
    told = f"The config of the serving endpoint {endpoint.name} {outcome}.\n\n"
    if failure is None:
        told += f"Version {version} serves now.\n"
    else:
        told += f"{failure}\n\nVersion {version} goes on serving.\n"
    message.set_content(told)
    return message
