"""A blog at an address of its own, with a policy of its own: the page that people come from."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

DOCS = Path(__file__).parents[2] / "docs"
NAME = "sample-blog-post"


@contextmanager
def blog(course_url: str, *, scripted: bool = True, policy: str = "", forms: int = 1) -> Iterator[str]:
    """Serves docs/sample-blog-post.html with the course's real address in it; the post's address."""
    post = (DOCS / f"{NAME}.html").read_text().replace("https://course.example", course_url)
    post = post.replace('name="course" value="running"', 'name="course" value=""')
    if not scripted:
        post = "".join(line for line in post.splitlines(keepends=True) if "<script" not in line)
    start, end = post.index("<form"), post.index("</form>") + len("</form>")
    post = post[:start] + post[start:end] * forms + post[end:]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            style = self.path.endswith(".css")
            body = (DOCS / f"{NAME}.css").read_bytes() if style else post.encode()
            self.send_response(200 if self.path != "/favicon.ico" else 204)
            self.send_header("Content-Type", "text/css" if style else "text/html; charset=utf-8")
            if policy:
                self.send_header("Content-Security-Policy", policy.replace("COURSE", course_url))
            self.end_headers()
            if self.path != "/favicon.ico":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
