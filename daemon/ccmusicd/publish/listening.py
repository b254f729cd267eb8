"""Where the web server listens, and with which certificate."""

import asyncio
import errno
import socket
import ssl
from pathlib import Path
from typing import Any

from ccmusicd.publish.errors import CertificateError, PublishError


async def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of `host`, all on one port (0: any free one).

    Raises:
        PublishError: the address cannot be had.
    """
    loop = asyncio.get_running_loop()
    shown = f"{host} port {port}"
    try:
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise PublishError(f"cannot listen on {shown}: {error.strerror}") from None
    sockets: list[socket.socket] = []
    refusal: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            # With port 0 every address takes the port that the first one was given.
            own_port = sockets[0].getsockname()[1] if sockets else address[1]
            sockets.append(_listener(family, (address[0], own_port, *address[2:])))
        except OSError as error:
            refusal = error
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                break
    if sockets and (refusal is None or refusal.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}):
        return sockets
    for sock in sockets:
        sock.close()
    reason = refusal.strerror if refusal is not None else "the name has no address"
    raise PublishError(f"cannot listen on {shown}: {reason}")


def tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's side of TLS 1.2 or newer, from PEM files; the certificate's has its intermediates behind it.

    Raises:
        CertificateError: a file cannot be read, or they do not fit together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_certificate(context, certificate, key)
    return context


def load_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Show this certificate to those who connect from now on. Raises as `tls`."""
    try:
        # With a password, so that an encrypted key is refused instead of asking a terminal for one.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise CertificateError(f"the certificate {certificate} with the key {key} cannot be used: {why}") from None


def _listener(family: int, address: tuple[Any, ...]) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it a message waits 40 ms for the last.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Else "::" would take IPv4's port too, and clash with a listener of its own there.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(128)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
