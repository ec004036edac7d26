"""A service of ours on 127.0.0.1, with TLS or without: JSON in, JSON out, every request kept, faults on demand."""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from chalicelib.model import Json

MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `body` is a JSON value or a form's fields, None when there is none."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json = None

    @property
    def bearer(self) -> str:
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token if kind == "Bearer" else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent; with status 0 nothing is, and the connection ends."""

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)


Service = Callable[[Asked], Answer]
Refusal = Callable[[Asked], Answer | None]


class Loopback:
    """A running service. `url` is its address, `asked` what came so far. With a folder it speaks TLS, and `authority`
    there is a PEM file to trust it by.

    `refuse` is asked first; what it answers is sent in the service's place. What `lose` says yes to is done, and its
    answer lost on the way.
    """

    def __init__(self, service: Service, folder: Path | None = None) -> None:
        self.asked: list[Asked] = []
        self.refuse: Refusal = lambda asked: None
        self.lose: Callable[[Asked], bool] = lambda asked: False
        self._service, self._lock = service, threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if folder is not None:
            self._encrypt(folder)
        self.url = f"http{'s' if folder else ''}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Loopback:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            answer = self.refuse(asked) or self._service(asked)
            return Answer(0) if self.lose(asked) else answer

    def _encrypt(self, folder: Path) -> None:
        self.authority, key = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def _do(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), MOST_BYTES)
            answer = loopback.answer(_read(self.command, self.path, dict(self.headers), self.rfile.read(length)))
            data = b"" if answer.body is None else json.dumps(answer.body).encode()
            if not answer.status:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, format: str, *args: Any) -> None:
            """A request's line says nothing that `asked` does not."""

    return Handler


def _read(method: str, target: str, headers: Mapping[str, str], data: bytes) -> Asked:
    split = urlsplit(target)
    lower = {name.lower(): value for name, value in headers.items()}
    body: Json = None
    if data and "form-urlencoded" in lower.get("content-type", ""):
        body = {name: values[0] for name, values in parse_qs(data.decode()).items()}
    elif data:
        body = json.loads(data)
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    return Asked(method, unquote(split.path), query, lower, body)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, valid for a day, and its key: two PEM files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "suture loopback")])
    hosts = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    now, identifier = datetime.now(UTC), x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = dict.fromkeys(_USAGES, False) | {"digital_signature": True, "key_cert_sign": True}
    builder = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    made = builder.sign(key, hashes.SHA256())
    authority, private = folder / "authority.pem", folder / "key.pem"
    authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*encoding))
    private.chmod(0o600)
    return authority, private


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
