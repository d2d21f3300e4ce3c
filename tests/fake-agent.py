#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
An agent that says what it is told to say, well or badly.

    fake-agent.py FOLDER SOCKET
    fake-agent.py FOLDER HOST PORT-FILE CERT KEY CA       TLS on a free port, which goes to PORT-FILE

FOLDER/script has a line for each answer; another file may take its place at any time:

    METHOD PATTERN STATUS HOW FILE

PATTERN matches the path without its query.  The first one in the file that
does decides, and its lines are used up in order; the last one answers for ever.  FILE is in FOLDER.

    json     FILE, as application/json
    problem  FILE, as application/problem+json
    html     FILE, as text/html
    bare     FILE, without a type
    cut      the first half of FILE under the length of the whole, then the end
    hangup   nothing, and the end of the connection
    silent   nothing for a minute
    flood    more than anybody should read

FOLDER/requests gets a line for each request: METHOD PATH BODY.
"""

import fnmatch
import http.server
import os
import socketserver
import ssl
import sys
import threading
import time

folder = sys.argv[1]
lock = threading.Lock()
used = {}
seen_script = None

TYPES = {"json": "application/json; charset=utf-8", "problem": "application/problem+json", "html": "text/html"}


def next_answer(method, path):
    """The next line of the script for this request, as its words."""
    global seen_script
    with lock:
        with open(os.path.join(folder, "script"), encoding="utf-8") as f:
            lines = [line.split() for line in f]
            script = os.fstat(f.fileno()).st_ino
        if script != seen_script:
            used.clear()
            seen_script = script
        fit = [words for words in lines if words[0] == method and fnmatch.fnmatchcase(path, words[1])]
        if not fit:
            return None
        fit = [words for words in fit if words[1] == fit[0][1]]
        key = (method, fit[0][1])
        n = used.get(key, 0)
        used[key] = n + 1
        return fit[min(n, len(fit) - 1)]


def note(method, path, body):
    with lock, open(os.path.join(folder, "requests"), "a", encoding="utf-8") as f:
        print(method, path, body, file=f)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "somebody"

    def send(self, status, kind, data, announced=None):
        self.send_response(status)
        if kind in TYPES:
            self.send_header("Content-Type", TYPES[kind])
        self.send_header("Content-Length", str(announced if announced is not None else len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        note(self.command, self.path, body)
        words = next_answer(self.command, self.path.split("?")[0])
        if words is None:
            self.send(404, "html", b"<p>nothing here")
            return
        status, how, name = int(words[2]), words[3], words[4]
        with open(os.path.join(folder, name), "rb") as f:
            data = f.read()
        if how == "cut":
            self.send(status, "json", data[: len(data) // 2], len(data))
        elif how == "silent":
            time.sleep(60)
        elif how == "flood":
            self.send(status, "json", b" " * (17 << 20))
        elif how != "hangup":
            self.send(status, how, data)
        self.close_connection = self.close_connection or how in ("cut", "silent", "hangup")

    do_GET = do_PUT = do_POST = do_DELETE = answer


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class TlsServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass        # a client that does not like our certificate is what is tested


def serve():
    if len(sys.argv) == 3:
        return UnixServer(sys.argv[2], Handler)
    host, port_file, cert, key, ca = sys.argv[2:7]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = TlsServer((host, 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(port_file + ".new", "w", encoding="utf-8") as f:
        print(server.server_address[1], file=f)
    os.rename(port_file + ".new", port_file)
    return server


serve().serve_forever()
