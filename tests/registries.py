"""A package index and an npm registry on this machine, for what installs things to really fetch from."""

from __future__ import annotations

import base64
import hashlib
import io
import ipaddress
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker


@dataclass
class Registry:
    """Serves what it was given and remembers what it was asked."""

    port: int = 0
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: bool = False

    def address(self, engine: str) -> str:
        """Where commands of that engine's installing step reach it."""
        return f"http://{host_for(engine)}:{self.port}"

    def wheel(self, name: str, version: str, files: dict[str, str], *, requires: tuple[str, ...] = ()) -> str:
        """Add a wheel to the Python index; returns its hash as requirements write it."""
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {one}\n" for one in requires)
        members = files | {
            f"{info}/METADATA": metadata,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        members[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*members, f"{info}/RECORD"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, text in members.items():
                archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
        return self._file(name, f"{name}-{version}-py3-none-any.whl", buffer.getvalue())

    def program(self, name: str, version: str, place: Path) -> None:
        """Add a wheel that holds nothing but a program of this machine, as uv's own does."""
        info = f"{name}-{version}.dist-info"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            script = zipfile.ZipInfo(f"{name}-{version}.data/scripts/{name}", (2020, 1, 1, 0, 0, 0))
            script.external_attr = 0o100755 << 16
            script.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(script, place.read_bytes())
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            archive.writestr(
                f"{info}/WHEEL",
                "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            archive.writestr(f"{info}/RECORD", "")
        self._file(name, f"{name}-{version}-py3-none-any.whl", buffer.getvalue())

    def source(self, name: str, version: str, files: dict[str, str]) -> str:
        """Add a source archive to the Python index, for which a build would have to run."""
        return self._file(
            name, f"{name}-{version}.tar.gz", _tar({f"{name}-{version}/{p}": t for p, t in files.items()})
        )

    def npm(self, name: str, version: str, files: dict[str, str], **package: object) -> str:
        """Add a package to the npm registry; returns its hash as lock files write it."""
        described = {"name": name, "version": version, **package}
        data = _tar(
            {f"package/{path}": text for path, text in files.items()}
            | {"package/package.json": json.dumps(described)}
        )
        integrity = f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
        # Where pnpm and yarn look without being told, as npm's own registry has it.
        self.pages[f"/npm/{name}/-/{name}-{version}.tgz"] = "application/octet-stream", data
        document = {
            "name": name,
            "dist-tags": {"latest": version},
            "versions": {
                version: {
                    **described,
                    "dist": {"tarball": f"@HERE@/npm/{name}/-/{name}-{version}.tgz", "integrity": integrity},
                }
            },
        }
        self.pages[f"/npm/{name}"] = "application/json", json.dumps(document).encode()
        return integrity

    def _file(self, name: str, file: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.pages[f"/files/{file}"] = "application/octet-stream", data
        _, known = self.pages.get(f"/simple/{name}/", ("", b""))
        link = f'<a href="/files/{file}#sha256={digest}">{file}</a><br>\n'.encode()
        self.pages[f"/simple/{name}/"] = "text/html", known + link
        return f"sha256:{digest}"


def host_for(engine: str) -> str:
    """This machine's address as a container sees it; bubblewrap's installing step shares our network."""
    if engine != "docker":
        return "127.0.0.1"
    client = docker.from_env()
    try:
        network = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
        return str(network.get("Gateway") or next(ipaddress.ip_network(network["Subnet"]).hosts()))
    finally:
        client.close()


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """Serve until left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.asked.append(self.path)
            kind, data = registry.pages.get(self.path.partition("?")[0], ("", b""))
            self.send_response(503 if registry.broken else 200 if kind else 404)
            here = f"http://{self.headers.get('Host', '')}"
            data = data.replace(b"@HERE@", here.encode())
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _tar(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
