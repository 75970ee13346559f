"""A hub on the loopback address: listings, ETags, ranges, and connections that break when told to."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "5" * 40


class HubServer:
    """Serves `repositories`: name -> {file name -> bytes}, at one commit."""

    def __init__(self, repositories):
        self.repositories = repositories
        self.requests = []  # (method, path, range or None)
        self.num_cuts = 0  # so many answers with a body break off in the middle
        self.is_down_after_cut = False
        self.is_down = False
        handler = type("BoundHandler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def bodies(self):
        return [(path, span) for method, path, span in self.requests
                if method == "GET" and "/resolve/" in path]


class Handler(BaseHTTPRequestHandler):
    hub = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, with_body):
        path = unquote(self.path)
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        words = path.strip("/").split("/")
        if words[:2] == ["api", "datasets"]:
            return self._list("/".join(words[2:4]))
        repository, revision = "/".join(words[1:3]), words[4]
        data = self.hub.repositories.get(repository, {}).get("/".join(words[5:]))
        if words[0] != "datasets" or revision != COMMIT or data is None:
            return self._fail(404, "EntryNotFound")
        if self.hub.is_down and with_body:
            return self.connection.close()
        return self._send(data, with_body)

    def _list(self, repository):
        files = self.hub.repositories.get(repository)
        if files is None:
            return self._fail(404, "RepoNotFound")
        siblings = [{"rfilename": name} for name in files]
        body = json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, status, code):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, data, with_body):
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        rest = data[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(rest)))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if not with_body:
            return
        if self.hub.num_cuts:
            self.hub.num_cuts -= 1
            self.hub.is_down = self.hub.is_down_after_cut
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            self.connection.close()
        else:
            self.wfile.write(rest)
