"""Run a web server on this machine that serves ranges of files and can fail."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Faults:
    """The number of requests that will fail with status 503 or be cut off, and other
    faults of the server.
    """

    def __init__(self):
        self.etag = None
        self.unavailable = self.cut = 0
        self.ranges = True
        self.forever_from = None
        self.asked = []


@contextmanager
def web_server(files):
    """Serve ``files`` (bytes by path). Yield the address and the :class:`Faults`."""
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise, the body is sent only after the client has confirmed the header (40
        # ms).
        disable_nagle_algorithm = True

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, *, body):
            path, _, query = self.path.partition("?")
            faults.asked.append((self.command, path, query, self.headers.get("Range")))
            data = files.get(path)
            if data is None:
                return self.finish_with(404, b"")
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
            start, stop = (
                (int(found[1]), min(int(found[2]) + 1, len(data)))
                if found
                else (0, len(data))
            )
            broken = (
                faults.forever_from is not None and body and stop > faults.forever_from
            )
            if broken or (body and faults.unavailable):
                faults.unavailable -= not broken
                return self.finish_with(503, b"")
            if not (found and faults.ranges):
                return self.finish_with(200, data if body else b"", length=len(data))
            if faults.cut:
                faults.cut -= 1
                self.finish_with(
                    206, data[start : (start + stop) // 2], length=stop - start
                )
                self.close_connection = True
                return None
            return self.finish_with(
                206, data[start:stop], bounds=f"bytes {start}-{stop - 1}/{len(data)}"
            )

        def finish_with(self, status, data, *, length=None, bounds=None):
            self.send_response(status)
            self.send_header(
                "Content-Length", str(len(data) if length is None else length)
            )
            if status == 404:
                self.send_header(
                    "X-Error-Code", "EntryNotFound"
                )  # as the Hugging Face hub says it
            if faults.etag:
                self.send_header("ETag", faults.etag)
            if bounds:
                self.send_header("Content-Range", bounds)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # The server checks for a shutdown at this interval, in seconds.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
