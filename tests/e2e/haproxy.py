# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy and nginx around Weir: senders and receivers of PROXY headers that are not ours."""

import os
import socket
import subprocess

from server import WAIT

HAPROXY = """
global
  log stderr local0 warning
defaults
  timeout connect 10s
  timeout client 30s
  timeout server 30s
{sections}
"""

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/nginx.log info;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port} {options};
    {settings}
    location / {{
      return 200 "$proxy_protocol_addr:$proxy_protocol_port\
 $proxy_protocol_server_addr:$proxy_protocol_server_port\\n";
    }}
  }}
}}
"""


class Program:
    """Started on sockets that listen already, so that nobody has to wait for it or guess a port."""

    def __init__(self, folder, name, text, command, sockets, environment):
        self.folder = str(folder)
        self.path = os.path.join(self.folder, name)
        with open(self.path, "w", encoding="ascii") as file:
            file.write(text)
        self.errors = open(os.path.join(self.folder, "errors"), "wb")
        self.process = subprocess.Popen(
            [*command, self.path], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.errors,
            stderr=self.errors, pass_fds=[one.fileno() for one in sockets],
            env={**os.environ, **environment})
        for one in sockets:
            one.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT)
        self.errors.close()


def listening(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family, backlog=64)


class Haproxy(Program):
    """sections: text with {fd} where the descriptor of its listening socket goes."""

    def __init__(self, folder, sections):
        entry = listening()
        self.port = entry.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        os.set_inheritable(entry.fileno(), True)
        super().__init__(folder, "haproxy.cfg",
                         HAPROXY.format(sections=sections.format(fd=entry.fileno())),
                         ["haproxy", "-db", "-f"], [entry], {})


def sender(folder, port, how, mode="tcp"):
    """Passes connections on to 127.0.0.1:port with `how` (send-proxy …)."""
    return Haproxy(folder, f"""
listen in
  mode {mode}
  bind "fd@{{fd}}"
  server weir 127.0.0.1:{port} {how}
""")


def receiver(folder, options=""):
    """Answers HTTP with the addresses that it was told."""
    return Haproxy(folder, f"""
frontend in
  mode http
  bind "fd@{{fd}}" accept-proxy {options}
  http-request return status 200 content-type text/plain \
lf-string "%[src]:%[src_port] %[dst]:%[dst_port]\\n"
""")


class NginxReceiver(Program):
    """The same."""

    def __init__(self, folder, options="", settings=""):
        entry = listening()
        self.port = entry.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        text = NGINX.format(folder=folder, port=self.port, options=f"proxy_protocol {options}",
                            settings=settings)
        if os.geteuid() == 0:
            text = "user root;" + text
        super().__init__(folder, "nginx.conf", text, ["nginx", "-e", f"{folder}/nginx.log", "-c"],
                         [entry], {"NGINX": f"{entry.fileno()};"})
