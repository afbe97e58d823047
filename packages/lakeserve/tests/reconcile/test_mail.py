import asyncio
import email
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import Message

import pytest
from lakeserve.core.endpoints import Endpoint, Notifications
from lakeserve.reconcile.mail import UpdateMail, update_message
from lakeserve.settings import MailSettings
from pydantic import SecretStr

TOLD = Notifications(("a@example.com", "b@example.com"), ("c@example.com",))
ENDPOINT = Endpoint(
    "id", "chat", "llm/v1/chat", "EXTERNAL_MODEL", "a", 1, 1, (), 3, notifications=TOLD
)


class PostOffice:
    """Takes mail as SMTP servers do, and keeps it."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], Message]] = []
        self.logins: list[str] = []
        self.refuses = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 closed\r\n" if self.refuses else b"220 here\r\n")
        receivers: list[str] = []
        while line := (await reader.readline()).decode().strip():
            verb = line.partition(" ")[0].upper()
            if verb == "EHLO":
                writer.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            elif verb == "AUTH":
                self.logins.append(line)
                writer.write(b"235 welcome\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                self.taken.append((receivers, email.message_from_bytes(text[:-3])))
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                break
            else:
                receivers += [line.partition("<")[2].rstrip(">")] if verb == "RCPT" else []
                writer.write(b"250 fine\r\n")
        writer.close()


@pytest.fixture
async def office() -> PostOffice:
    return PostOffice()


@pytest.fixture
async def settings(office: PostOffice) -> AsyncIterator[MailSettings]:
    server = await asyncio.start_server(office, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield MailSettings(host="127.0.0.1", port=port, sender="lake@example.com")


async def test_a_success_is_told(office: PostOffice, settings: MailSettings) -> None:
    mail = UpdateMail(settings)
    mail.tell(ENDPOINT, None)
    await mail.sent()
    ((receivers, message),) = office.taken
    assert receivers == ["a@example.com", "b@example.com"]
    assert message["Subject"] == "Serving endpoint chat is updated"
    assert (message["From"], message["To"]) == ("lake@example.com", "a@example.com, b@example.com")
    assert "Version 4 serves now." in str(message.get_payload())
    assert office.logins == []


async def test_a_failure_is_told(office: PostOffice, settings: MailSettings) -> None:
    login = replace_settings(settings, user="u", password=SecretStr("p"))
    mail = UpdateMail(login)
    mail.tell(ENDPOINT, "gpt: no such scope")
    await mail.sent()
    ((receivers, message),) = office.taken
    assert receivers == ["c@example.com"]
    text = str(message.get_payload())
    assert "gpt: no such scope" in text
    assert "Version 3 goes on serving." in text
    assert len(office.logins) == 1


def replace_settings(settings: MailSettings, **fields: object) -> MailSettings:
    return settings.model_copy(update=fields)


async def test_what_cannot_be_sent_is_logged(
    office: PostOffice, settings: MailSettings, caplog: pytest.LogCaptureFixture
) -> None:
    office.refuses = True
    mail = UpdateMail(settings)
    with caplog.at_level(logging.ERROR):
        mail.tell(ENDPOINT, None)
        await mail.sent()
    assert "'Serving endpoint chat is updated' was not sent" in caplog.text
    assert office.taken == []


async def test_nobody_is_told_without_a_server() -> None:
    mail = UpdateMail(None)
    mail.tell(ENDPOINT, None)
    await mail.sent()


def test_nobody_asked() -> None:
    assert update_message(replace(ENDPOINT, notifications=None), None, "a@b.c") is None
    only_failures = replace(ENDPOINT, notifications=Notifications((), ("c@example.com",)))
    assert update_message(only_failures, None, "a@b.c") is None
    assert update_message(only_failures, "why", "a@b.c") is not None
