"""For WSGI servers: `gunicorn course.wsgi:app`, without --preload. The worker runs on its own: `course worker`."""

from course import assembly, serving, settings

_settings = settings.load()
serving.log_to_stderr(_settings.log_level)
_parts = assembly.open_course(_settings)
app = assembly.web_app(_parts)
assembly.watch_loop(_parts).start()  # as every process, it notices that no worker is alive
