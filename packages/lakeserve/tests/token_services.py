"""Services that give out access tokens as Google's and Microsoft's do, strictly, on loopback."""

import datetime
import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ACCOUNT = "robot@project.iam.gserviceaccount.com"
CLIENT_ID, CLIENT_SECRET, TENANT = "my-client", "my-entra-secret", "my-tenant"
SCOPE = "https://cognitiveservices.azure.com/.default"
PEM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

Answer = tuple[int, dict[str, object]]


@dataclass
class TokenService:
    """What a service knows and has seen.

    Attributes:
        life_s: How long its tokens are good for.
        refuse: Answered in the place of a token, while it is set.
        issued: Tokens and their ends, in epoch seconds.
    """

    url: str = ""
    life_s: float = 3600
    refuse: Answer | None = None
    issued: dict[str, float] = field(default_factory=dict)
    requests: int = 0
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def accepts(self, authorization: str) -> bool:
        """Whether a header carries a token that is still good."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and self.issued.get(token, 0) > time.time()

    def key_file(self, **changes: str) -> str:
        """The key file of the only service account, as Google gives it out."""
        value = {
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "k1",
            "private_key": self.key.private_bytes(*PEM).decode(),
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }
        return orjson.dumps({**value, **changes}).decode()

    def answer(self, method: str, path: str, form: dict[str, str]) -> Answer:
        """What it answers to a request."""
        if method == "GET" and path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            base = f"{self.url}/{TENANT}"
            return 200, {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }
        self.requests += 1
        if self.refuse is not None:
            return self.refuse
        if method == "POST" and path == "/token":
            return self._google(form)
        if method == "POST" and path == f"/{TENANT}/oauth2/v2.0/token":
            return self._entra(form)
        return 404, {"error": "not_found"}

    def _google(self, form: dict[str, str]) -> Answer:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return 400, {"error": "unsupported_grant_type"}
        try:
            claims = jwt.decode(
                form["assertion"],
                self.key.public_key(),
                algorithms=["RS256"],
                audience="https://oauth2.googleapis.com/token",  # wherever it is asked
                issuer=ACCOUNT,
            )
        except jwt.InvalidTokenError as error:
            return 400, {"error": "invalid_grant", "error_description": str(error)}
        if claims["scope"] != "https://www.googleapis.com/auth/cloud-platform":
            return 400, {"error": "invalid_scope"}
        return 200, self._token("ya29")

    def _entra(self, form: dict[str, str]) -> Answer:
        known = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "grant_type": "client_credentials",
            "scope": SCOPE,
        }
        for name, value in known.items():
            if form.get(name) != value:
                return 401, {
                    "error": "invalid_client",
                    "error_description": f"AADSTS7000215: wrong {name} {form.get(name)!r}",
                }
        return 200, self._token("eyJ0")

    def _token(self, prefix: str) -> dict[str, object]:
        token = f"{prefix}.token-{len(self.issued)}"
        self.issued[token] = time.time() + self.life_s
        return {"token_type": "Bearer", "expires_in": int(self.life_s), "access_token": token}


def _handler(service: TokenService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            status, value = service.answer(self.command, self.path.partition("?")[0], form)
            body = orjson.dumps(value)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing is logged."""

    return Handler


@contextmanager
def token_service(certificate: Path | None = None) -> Iterator[TokenService]:
    """A service, with TLS where a folder for its certificate is given: ``ca.pem`` in it."""
    service = TokenService()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    scheme = "http"
    if certificate is not None:
        scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(certificate, service.key))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    service.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(folder: Path, key: rsa.RSAPrivateKey) -> Path:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(public)
    both = folder / "server.pem"
    both.write_bytes(key.private_bytes(*PEM) + public)
    return both
