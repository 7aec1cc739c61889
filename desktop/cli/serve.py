"""``maskwright serve``: this machine's engines for windows elsewhere (docs/server.md)."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from desktop.cli.output import InputProblem, say
from inference import remote

PORT = 8737
TOKEN_VARIABLE = "MASKWRIGHT_SERVE_TOKEN"


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; only this machine unless said otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = PORT,
    token_file: Annotated[
        Path | None, typer.Option(help=f"A file with the token; else {TOKEN_VARIABLE}, else one is made up.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS: the certificate with its chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="TLS: the certificate's private key, PEM.")] = None,
    behind_proxy: Annotated[bool, typer.Option(help="A proxy before this server does TLS.")] = False,
    most_pixels: Annotated[int, typer.Option(min=1, help="Pixels of the largest image.")] = 100_000_000,
    most_mb: Annotated[int, typer.Option(min=1, help="Megabytes of the largest request.")] = 256,
) -> None:
    """Lend this machine's engines to windows elsewhere over HTTP. Ends with Ctrl+C."""
    try:
        import uvicorn

        from inference.remote import guard, service
        from inference.remote.client import is_loopback
    except ModuleNotFoundError as error:
        raise InputProblem(f"maskwright serve needs {error.name}: install maskwright[serve].") from error
    if (certificate is None) != (key is None):
        raise InputProblem("--certificate and --key belong together.")
    for file in (certificate, key):
        if file is not None and not file.is_file():
            raise InputProblem(f"{file} does not exist.")
    if not is_loopback(host) and certificate is None and not behind_proxy:
        raise InputProblem(
            f"On {host} others can read the token: give --certificate and --key, or --behind-proxy if a proxy does TLS."
        )
    os.environ.pop(remote.ADDRESS_VARIABLE, None)  # a server that asks a server would ask itself in the end
    from inference.server import Supervised

    server = Supervised()
    limits = guard.Limits(body_bytes=most_mb * 10**6, pixels=most_pixels)
    token, made_up = _token(token_file)
    try:
        application = service.application(server, token, limits)
    except ValueError as error:
        raise InputProblem(str(error)) from error
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        proxy_headers=behind_proxy,
        **settings(limits),
    )
    listener = listening(host, port)
    scheme = "https" if certificate is not None else "http"
    say(f"Serving on {scheme}://{_shown(host)}:{listener.getsockname()[1]} — Ctrl+C ends it.")
    if made_up:
        say(f"Token for this run: {token}")
    server.start()
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        server.close()


def settings(limits: Any) -> dict[str, Any]:
    """What uvicorn is told besides addresses: no log of requests, nothing but HTTP/1.1, bounds on connections."""
    return {
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "ws": "none",
        "lifespan": "off",
        "http": "h11",
        "timeout_keep_alive": 60,
        "timeout_graceful_shutdown": 2,
        "limit_concurrency": 4 * limits.at_once,
        "h11_max_incomplete_event_size": 16384,
    }


def _token(file: Path | None) -> tuple[str, bool]:
    """The token, and whether it was made up now."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip(), False
        except (OSError, UnicodeDecodeError) as error:
            raise InputProblem(f"{file} cannot be read: {error}.") from error
    given = os.environ.pop(TOKEN_VARIABLE, "").strip()
    return (given, False) if given else (secrets.token_urlsafe(24), True)


def listening(host: str, port: int) -> socket.socket:
    """A bound socket for uvicorn. Raises :class:`InputProblem` when the address is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only on sockets that say themselves that they are TCP
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputProblem(f"{host}:{port} cannot be used: {error.strerror or error}.") from error
    return listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
