"""nginx with `deploy/nginx/graft.conf`, as a process of its own: for tests and measurements."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CONFIG: Final = Path(__file__).parents[1] / "deploy" / "nginx" / "graft.conf"
_START_S: Final = 30.0
# All that belongs around the file where nginx is not installed as a service of the machine.
_AROUND: Final = """
daemon off;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    keepalive_requests 1000000;
{server}
}}
"""


class NginxMissing(Exception):
    """There is no nginx on this machine."""


@contextmanager
def nginx_before(service_port: int, *, takes_prefix_off: bool = False) -> Iterator[str]:
    """Run nginx in front of a service on this machine; yield its address, without the path.

    Raises:
        NginxMissing: nginx is not installed.
    """
    command = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if command is None:
        raise NginxMissing("nginx is not installed; run: apt-get install nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = CONFIG.read_text(encoding="utf-8")
    server = server.replace("server 127.0.0.1:8000;", f"server 127.0.0.1:{service_port};")
    server = server.replace("listen 80;", f"listen 127.0.0.1:{port};")
    if takes_prefix_off:
        server = server.replace("proxy_pass http://graft;", "proxy_pass http://graft/;")
    with tempfile.TemporaryDirectory(prefix="graft-nginx-") as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(_AROUND.format(folder=folder, server=server), encoding="utf-8")
        # Its workers run as another user where this one is root.
        Path(folder).chmod(0o777)
        process = subprocess.Popen([command, "-p", folder, "-c", str(config)])
        try:
            _wait_until_listening(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait_until_listening(process: "subprocess.Popen[bytes]", port: int) -> None:
    give_up = time.monotonic() + _START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise
