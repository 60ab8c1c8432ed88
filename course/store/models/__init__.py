"""What is stored, a file for each subject. Datetimes end in `_at`, are aware and UTC.

Two clocks: `due_at`, `anchor_at`, `asked_at`, `paused_until`, `enrolled_at` and `since` are course time, which may run
fast in a demo; everything else is machine time.
"""

from course.store.models.base import Base
from course.store.models.coaches import Admin, AuditEntry
from course.store.models.courses import Course, Draft, Edit, Effect, Exclusion, Lesson, Picture, Revision, Term
from course.store.models.readers import (
    Answer,
    Attempt,
    Consent,
    Enrollment,
    Profile,
    ReaderImport,
    Subscriber,
    Suppression,
)
from course.store.models.running import Alarm, Heartbeat, Installation
from course.store.models.sending import Call, Delivery, Lane, Notice, ProviderEvent

__all__ = [
    "Admin", "Alarm", "Answer", "Attempt", "AuditEntry", "Base", "Call", "Consent", "Course", "Delivery", "Draft",
    "Edit", "Effect", "Enrollment", "Exclusion", "Heartbeat", "Installation", "Lane", "Lesson", "Notice",
    "Picture", "Profile", "ProviderEvent", "ReaderImport", "Revision", "Subscriber", "Suppression",
    "Term",
]  # fmt: skip
