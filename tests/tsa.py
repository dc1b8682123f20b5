"""A real time-stamp authority for tests: `openssl ts -reply` behind an HTTP server on a free port."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.2.3.4.1"
OTHER_POLICY = "1.2.3.4.2"
_STATEMENT = "1.2.840.113549.1.9.16.1.4"  # id-ct-TSTInfo
_DAY = timedelta(days=1)
_CONFIG = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
default_policy = {policy}
other_policies = {policy}
signer_digest = sha256
digests = sha256
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    usage: x509.ObjectIdentifier | None = None,
    critical: bool = True,
    twin: Issued | None = None,
    crl: str = "",
) -> Issued:
    """A certificate by `issuer`, or by itself; with `usage` (extended) it is no authority over others.

    It has key and serial number of `twin`, where one is given, and ends a day earlier; `crl` is where the
    list of those that `issuer` revoked is had.
    """
    key = twin.key if twin else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    is_ca = issuer is None or usage is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(twin.certificate.serial_number if twin else x509.random_serial_number())
        .not_valid_before(start or now - _DAY)
        .not_valid_after(end or now + (364 if twin else 365) * _DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=critical)
    if crl:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    while True:
        made = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        # An ECDSA signature varies in length: that of a twin is as long as the other's.
        if twin is None or len(made.signature) == len(twin.certificate.signature):
            return Issued(made, key)


def revocation_list(
    issuer: Issued,
    *revoked: Issued,
    start: datetime | None = None,
    end: datetime | None = None,
    since: datetime | None = None,
    about: Sequence[x509.ExtensionType] = (),
    critical: Sequence[x509.ExtensionType] = (),
) -> bytes:
    """The list of certificates that `issuer` revoked, in force from `start` until `end`, in DER.

    Each was revoked at `since`, with `about` said of it; `critical` is said of the list.
    """
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(start or now - 2 * _DAY)
        .next_update(end or now + _DAY)
    )
    for said in critical:
        builder = builder.add_extension(said, critical=True)
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
        entry = entry.revocation_date(since or now - _DAY)
        for said in about:
            entry = entry.add_extension(said, critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True)
class Authority:
    """An authority below a root and an intermediate one; `reply` answers a request."""

    folder: Path
    root: Issued
    middle: Issued
    leaf: Issued
    policy: str = POLICY
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def roots(self) -> Path:
        """Its root, as VIDNE_TSA_ROOTS names it."""
        return self.folder / "roots.pem"

    @property
    def chain(self) -> Path:
        """The certificate between root and authority."""
        return self.folder / "middle.pem"

    def reply(self, query: bytes) -> bytes:
        with self.lock:
            (self.folder / "query").write_bytes(query)
            command = [
                "openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query",
                "-inkey", "leaf.key", "-signer", "leaf.pem", "-chain", "middle.pem", "-out", "reply",
            ]  # fmt: skip
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=30)
            return (self.folder / "reply").read_bytes()


def authority(
    folder: Path,
    *,
    policy: str = POLICY,
    start: datetime | None = None,
    end: datetime | None = None,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING,
    root: Issued | None = None,
    crl: str = "",
) -> Authority:
    """A new authority in `folder`; `start` and `end` are those of its own certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    root = root or issue("Test Root")
    middle = issue("Test Intermediate", root)
    leaf = issue("Test Time-Stamp Authority", middle, start=start, end=end, usage=usage, crl=crl)
    made = Authority(folder, root, middle, leaf, policy)
    made.roots.write_bytes(root.pem)
    made.chain.write_bytes(middle.pem)
    (folder / "leaf.pem").write_bytes(leaf.pem)
    (folder / "leaf.key").write_bytes(leaf.key_pem)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder, policy=policy))
    return made


def signed_by(
    response: bytes, signer: Issued, made: Authority, folder: Path, option: str = "-cades"
) -> bytes:
    """The same statement signed by somebody else below the same root, whom `openssl ts` would not serve.

    `-cades` lets it name the certificate.
    """
    (folder / "response").write_bytes(response)
    (folder / "other.pem").write_bytes(signer.pem)
    (folder / "other.key").write_bytes(signer.key_pem)
    for command in (
        "ts -reply -in response -token_out -out token",
        "cms -verify -noverify -inform DER -in token -out statement",
        f"cms -sign -binary -nodetach -econtent_type {_STATEMENT} -in statement -signer other.pem"
        f" {option} -inkey other.key -certfile {made.chain} -outform DER -out signed",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=30)
    token = (folder / "signed").read_bytes()
    granted = bytes.fromhex("3003020100") + token
    return b"\x30\x82" + len(granted).to_bytes(2, "big") + granted


def openssl_accepts(response: bytes, content: bytes, roots: Path, folder: Path, *options: str) -> bool:
    """Whether `openssl ts -verify` takes `response` for a stamp over `content`."""
    (folder / "checkpoint").write_bytes(content)
    (folder / "stamp.tsr").write_bytes(response)
    command = ["openssl", "ts", "-verify", "-data", "checkpoint", "-in", "stamp.tsr", "-CAfile"]
    done = subprocess.run(
        [*command, str(roots), *options], cwd=folder, check=False, capture_output=True, timeout=30
    )
    return done.returncode == 0 and b"Verification: OK" in done.stdout + done.stderr


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def stamping(made: Authority) -> Answer:
    """Answers as an authority should."""

    def answer(handler: BaseHTTPRequestHandler, query: bytes) -> None:
        send(handler, made.reply(query))

    return answer


def send(
    handler: BaseHTTPRequestHandler,
    content: bytes,
    *,
    status: int = 200,
    kind: str = "application/timestamp-reply",
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def serving(answer: Answer, pages: Mapping[str, bytes] | None = None) -> Iterator[str]:
    """A server on a free port whose POSTs are answered by `answer`, GETs from `pages`; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            answer(self, query)

        def do_GET(self) -> None:
            page = (pages or {}).get(self.path)
            send(self, page or b"", status=404 if page is None else 200, kind="application/pkix-crl")

        def log_message(self, *_given: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_given: object) -> None:
            pass  # a client that went away, as it should from some

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
