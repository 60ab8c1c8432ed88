"""Floor 3: the only user of Flask. One blueprint for each audience; every door is shut unless it is named open."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from course.web import doors, embed, errors, health, hooks, outbox, pictures
from course.web.admin import access
from course.web.admin import bp as admin
from course.web.readers import bp as readers
from course.web.services import Services

MAX_BODY = 64 * 1024  # bytes; no form here needs more


def create_app(services: Services) -> Flask:
    """The site. Only the admin keeps a session: elsewhere no cookie is set, and a token in the link is the proof."""
    app = Flask("course.web", template_folder=str(services.templates), static_folder="static")
    app.extensions["course"] = services
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=100,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if services.trusted_proxies:
        hops = services.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    _serve_static(app)
    doors.guard(app)
    errors.handle(app)
    access.install(app, services.secrets, https=services.public_url.startswith("https:"))
    app.register_blueprint(readers)
    app.register_blueprint(admin)
    app.register_blueprint(health.bp)
    app.register_blueprint(hooks.bp)
    app.register_blueprint(pictures.bp)
    app.register_blueprint(embed.bp)
    if services.outbox:
        app.register_blueprint(outbox.bp)
    return app


def _serve_static(app: Flask) -> None:
    """`static('course.css')` in a template: an address that changes with the content, so it may be kept for ever."""
    folder = Path(str(app.static_folder))
    versions = {p.name: sha256(p.read_bytes()).hexdigest()[:10] for p in folder.iterdir() if p.is_file()}
    # Not by url_for: the page that refuses an unusable Host has no URLs to build, and is a page all the same.
    app.jinja_env.globals["static"] = lambda name: f"{app.static_url_path}/{name}?v={versions[name]}"
    doors.open_door(app.view_functions["static"])

    @app.get("/favicon.ico")
    @doors.open_door
    def favicon() -> Response:
        """Browsers ask for it where a page names none, as a mail in its frame."""
        return app.send_static_file("mark.svg")
