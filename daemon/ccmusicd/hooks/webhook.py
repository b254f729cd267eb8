"""A webhook: the event as JSON, in an HTTP POST."""

import asyncio
import ssl
from pathlib import Path

import httpx2

from ccmusicd import __version__
from ccmusicd.hooks.errors import HookError
from ccmusicd.hooks.rule import Call

_LATER = {408, 425, 429}


class Webhook:
    """Posts to one address. Certificates are verified, redirections not followed, answers not read.

    `timeout_s` bounds one try as a whole. `secret` is the value of the header `header`.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        header: str = "Authorization",
        secret: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._headers = {"Content-Type": "application/json", "User-Agent": f"ccmusic-stream/{__version__}"}
        if secret is not None:
            self._headers[header] = secret
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._client: httpx2.AsyncClient | None = None

    async def call(self, call: Call) -> None:
        """One try. Raises `HookError`."""
        if self._client is None:
            self._client = httpx2.AsyncClient(verify=self._tls, timeout=self._timeout_s, follow_redirects=False)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", self._url, content=call.body.encode(), headers=self._headers) as answer,
            ):
                status = answer.status_code
        except (httpx2.TimeoutException, TimeoutError):
            raise HookError(f"no answer within {self._timeout_s:g} s", again=True) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            # The library's words hold no address, which may hold a secret.
            raise HookError(f"cannot be reached: {str(error) or type(error).__name__}", again=True) from None
        if not 200 <= status < 300:
            raise HookError(f"answered {status}", again=status >= 500 or status in _LATER)

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.aclose()
