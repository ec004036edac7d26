"""An OpenID provider on loopback, strict where a good one is, and wrong on purpose where a test says so."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT = "suture-page"
SECRET = "-".join(("a", "client's", "secret"))


class Issuer:
    """`claims` changes the next tokens' claims, `sign` their signature; `down` answers 500 to everything."""

    def __init__(self) -> None:
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.issuer = self
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.facts: dict[str, Any] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.subject, self.down, self.secret = "sam-at-idp", False, SECRET
        self.asked: list[str] = []
        self.rotate()

    def __enter__(self) -> Issuer:
        run = {"poll_interval": 0.02}
        threading.Thread(target=self._http.serve_forever, kwargs=run, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def rotate(self, kind: str = "RSA") -> None:
        """New keys; the old ones are gone at once."""
        more = {"kid": token_urlsafe(6), "use": "sig"}
        self.key: Any = RSAKey.generate_key(2048, more) if kind == "RSA" else ECKey.generate_key("P-256", more)
        self.algorithm = "RS256" if kind == "RSA" else "ES256"

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid}, claims, self.key, algorithms=[self.algorithm])

    def unsigned(self, claims: dict[str, Any]) -> str:
        parts = ({"alg": "none", "kid": self.key.kid}, claims)
        return ".".join((*(_encoded(json.dumps(p).encode()) for p in parts), ""))

    def with_public_key_as_secret(self, claims: dict[str, Any]) -> str:
        """The old trick: an HMAC whose key is the published one."""
        parts = ({"alg": "HS256", "kid": self.key.kid}, claims)
        text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        mac = hmac.new(self.key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
        return f"{text}.{_encoded(mac)}"

    def with_own_key(self, claims: dict[str, Any]) -> str:
        """Another's key under the published key's name."""
        other = RSAKey.generate_key(2048, {"kid": self.key.kid})
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, other, algorithms=["RS256"])

    def authorize(self, query: dict[str, str]) -> str:
        """Somebody signs in: where their browser is sent back to."""
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT and "openid" in query["scope"].split()
        code = token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.facts["issuer"]}
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A code is good once, for its client, its address and its verifier."""
        asked = self.codes.pop(form.get("code", ""), None)
        pair = base64.b64encode(f"{CLIENT}:{self.secret.replace(chr(39), '%27')}".encode()).decode()
        if self.secret and authorization != f"Basic {pair}":
            return 401, {"error": "invalid_client"}
        proof = _encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or asked["code_challenge"] != proof:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "name": "Anybody <b>",
            **self.claims,
        }
        return 200, {"id_token": self.sign({k: v for k, v in claims.items() if v is not None}), "token_type": "Bearer"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    issuer: Issuer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        issuer, place = self.server.issuer, urlsplit(self.path)
        issuer.asked.append(place.path)
        if issuer.down:
            return self._say(500, {})
        if place.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", issuer.authorize(dict(parse_qsl(place.query))))
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if place.path == "/jwks":
            return self._say(200, dict(KeySet([issuer.key]).as_dict(private=False)))
        return self._say(200, issuer.facts)

    def do_POST(self) -> None:
        issuer = self.server.issuer
        issuer.asked.append(self.path)
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        self._say(*((500, {}) if issuer.down else issuer.token(form, self.headers.get("Authorization", ""))))

    def _say(self, status: int, what: dict[str, Any]) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
