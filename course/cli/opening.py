"""How every command begins."""

from course import assembly, serving, settings


def open_parts(speed: int | None = None, port: int | None = None, *, new_secret: bool = False) -> assembly.Parts:
    """Settings, log and an open course; what every command begins with."""
    found = settings.load(port)
    serving.log_to_stderr(found.log_level)
    return assembly.open_course(found, speed, new_secret=new_secret)
