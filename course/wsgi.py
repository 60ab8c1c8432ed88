"""For WSGI servers: `gunicorn course.wsgi:app`. The worker runs on its own: `course worker`."""

from course import assembly, settings

app = assembly.web_app(assembly.open_course(settings.load()))
