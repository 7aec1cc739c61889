"""A web server on loopback that misbehaves as asked, and a small catalogue whose files it serves."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch

TENSORS = {"alpha.weight": (64, 64), "beta.bias": (7,)}
OTHER = {"alpha.weight": (8, 8), "gamma.bias": (3,)}


def write_tensors(path: Path, shapes: dict[str, tuple[int, ...]] | None = None, seed: int = 0) -> Path:
    """A torch file with random tensors of these shapes."""
    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({name: torch.rand(shape) for name, shape in (shapes or TENSORS).items()}, path)
    return path


@dataclass
class Behaviour:
    """How one path is served. ``cuts``: after how many bytes each of the first answers ends. ``block_pause``: seconds
    between blocks of 4,096 bytes. ``status``: answered instead of the file; ``damage``: flips a byte. ``hub_tag``,
    ``hub_error``: checksum and error in the words of the hub; ``redirect``: where a GET is sent on to."""

    data: bytes
    cuts: list[int] = field(default_factory=list)
    block_pause: float = 0.0
    status: int = 200
    damage: bool = False
    ranges: bool = True
    hub_tag: str = ""
    hub_error: str = ""
    redirect: str = ""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths: dict[str, Behaviour] = {}
        self.asked: list[tuple[str, str, str]] = []
        """(method, path, range) of every request."""
        self.served = 0
        self.tokens: set[str] = set()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_arguments: object) -> None:
        pass

    def _answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        asked = self.headers.get("Range", "")
        self.server.asked.append((self.command, path, asked))
        self.server.tokens.add(self.headers.get("Authorization", ""))
        found = self.server.paths.get(path)
        if found is not None and found.redirect and body:
            self.send_response(302)
            self.send_header("Location", found.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if found is None or found.status != 200:
            self.send_response(found.status if found is not None else 404)
            if "/resolve/" in path:
                self.send_header("X-Error-Code", found.hub_error if found is not None else "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = found.data
        if found.damage:
            data = data[:100] + bytes([data[100] ^ 1]) + data[101:]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and found.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{found.hub_tag or hashlib.md5(found.data).hexdigest()}"')
        if found.hub_tag:
            self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if body:
            self._send(data[start:], found)

    def _send(self, data: bytes, found: Behaviour) -> None:
        cut = found.cuts.pop(0) if found.cuts else len(data)
        try:
            for begin in range(0, min(cut, len(data)), 4096):
                block = data[begin : min(begin + 4096, cut)]
                self.wfile.write(block)
                self.server.served += len(block)
                time.sleep(found.block_pause)
        except OSError:
            pass
        if cut < len(data):
            self.close_connection = True


def catalogue_text(address: str, data: bytes, checked: bool = True) -> str:
    """``toy``: one file of the server with a checksum; ``toy-hub``: a folder of two files in a repository."""
    checks = f'size = {len(data)}\nsha256 = "{hashlib.sha256(data).hexdigest()}"' if checked else ""
    return f"""
[family.toy]
title = "Toy"
mark = "alpha.weight"
[[weights]]
name = "toy-one"
title = "Toy one"
family = "toy"
licence = "MIT"
notice = "May be played with."
home = "https://example.org/toy"
companions = ["toy-hub"]
[[weights.files]]
path = "toy.pth"
url = "{address}/toy.pth"
{checks}
tensors = {{ "alpha.weight" = [64, 64], "beta.bias" = [7] }}
[[weights]]
name = "toy-hub"
title = "Toy hub"
licence = "MIT"
repository = "people/toy"
folder = true
[[weights.files]]
path = "net/model.safetensors"
alternatives = ["net/model.bin"]
tensors = {{ "alpha.weight" = [64, 64] }}
[[weights.files]]
path = "config.json"
[[weights.files]]
path = "extra.json"
optional = true
"""


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False
