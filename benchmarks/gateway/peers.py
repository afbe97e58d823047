"""Other gateways on the same mock upstream; each is left out where it is not installed."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gateway.loads import TOKEN
from benchmarks.gateway.processes import Contender, free_port, started

SYSTEM_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"

NGINX = """
daemon off; worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 4m; client_body_buffer_size 1m; keepalive_requests 100000000;
  map $http_authorization $known {{ default 0; "Bearer {token}" 1; }}
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      if ($known = 0) {{ return 401; }}
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread {workers}
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:{port}
  http-request deny unless {{ req.hdr(authorization) -m str "Bearer {token}" }}
  default_backend mock
backend mock
  server one 127.0.0.1:{upstream}
"""

SAME = {"chat": "/v1/chat/completions", "embeddings": "/v1/embeddings"}


@contextlib.contextmanager
def nginx(upstream: int, workers: int = 1) -> Iterator[Contender | None]:
    """Checks a key and forwards over kept connections: the floor."""
    binary = shutil.which("nginx", path=SYSTEM_PATH)
    if binary is None:
        print("nginx is not installed: no ratios (Debian: apt-get install nginx-light)")
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(
            NGINX.format(folder=folder, token=TOKEN, upstream=upstream, port=port, workers=workers)
        )
        command = (binary, "-p", folder, "-e", f"{folder}/error.log", "-c", str(config))
        with started(port, *command) as (pid, seconds):
            yield Contender("nginx", port, pid, SAME, start_s=seconds)


@contextlib.contextmanager
def haproxy(upstream: int) -> Iterator[Contender | None]:
    """The same by HAProxy."""
    binary = shutil.which("haproxy", path=SYSTEM_PATH)
    if binary is None:
        print("HAProxy is not installed and left out (Debian: apt-get install haproxy)")
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "haproxy.cfg"
        config.write_text(HAPROXY.format(token=TOKEN, upstream=upstream, port=port, workers=1))
        with started(port, binary, "-f", str(config), quiet=True) as (pid, seconds):
            yield Contender("HAProxy", port, pid, SAME, start_s=seconds)


@contextlib.contextmanager
def mlflow(upstream: int, binaries: Path) -> Iterator[Contender | None]:
    """MLflow's gateway from a configuration file."""
    binary = binaries / "mlflow"
    if not binary.exists():
        print(f"{binary} does not exist: MLflow's gateway is left out (make peers)")
        yield None
        return
    port = free_port()
    base = {"openai_api_key": "sk-bench", "openai_api_base": f"http://127.0.0.1:{upstream}/v1"}
    model = {"provider": "openai", "name": "mock", "config": base}
    endpoints = [
        {"name": kind, "endpoint_type": f"llm/v1/{kind}", "model": model}
        for kind in ("chat", "embeddings")
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "gateway.yml"
        config.write_text(json.dumps({"endpoints": endpoints}))  # which is YAML as well
        command = (str(binary), "gateway", "start", "--config-path", str(config))
        more = ("--port", str(port), "--workers", "1")
        environment = {"PATH": f"{binaries}:{SYSTEM_PATH}", "DO_NOT_TRACK": "true"}
        with started(port, *command, *more, quiet=True, **environment) as (pid, seconds):
            paths = {kind: f"/gateway/{kind}/invocations" for kind in ("chat", "embeddings")}
            yield Contender("MLflow gateway", port, pid, paths, slowness=10, start_s=seconds)


@contextlib.contextmanager
def litellm(upstream: int, binaries: Path) -> Iterator[Contender | None]:
    """LiteLLM's proxy, with the settings that its documentation advises for production."""
    binary = binaries / "litellm"
    if not binary.exists():
        print(f"{binary} does not exist: LiteLLM is left out (make peers)")
        yield None
        return
    port = free_port()
    there = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-bench"}
    models = [{"model_name": "mock", "litellm_params": {"model": "openai/mock", **there}}]
    settings = {
        "model_list": models,
        "litellm_settings": {"set_verbose": False, "telemetry": False},
        "general_settings": {"master_key": TOKEN},
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(json.dumps(settings))
        command = (str(binary), "--config", str(config), "--port", str(port))
        more = ("--host", "127.0.0.1", "--telemetry", "False")
        environment = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
        }
        with started(port, *command, *more, quiet=True, **environment) as (pid, seconds):
            yield Contender("LiteLLM", port, pid, SAME, slowness=40, start_s=seconds)
