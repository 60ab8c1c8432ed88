"""A small world's site for a browser, in this process: for what needs no worker and no clock of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from werkzeug.serving import make_server

from tests.web.site import Site


@contextmanager
def served(site: Site) -> Iterator[str]:
    """Its origin."""
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
