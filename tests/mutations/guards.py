"""The guards of the engine: where each stands in the source, how it is taken away, and which tests must notice.

`old` has to stand in the file exactly once, else the mutation check stops: whoever rewrites a guard rewrites its line
here. `killers` are arguments of pytest; SIMULATION runs seeds until one fails.
"""

from typing import NamedTuple

SIMULATION = "simulation"
RECHECKS = "tests/actions/test_rechecks.py"
SETTLING = "tests/actions/test_settling.py"
GUARD = "tests/actions/test_guard.py"
OUTAGES = "tests/actions/test_outages.py"


class Guard(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    killers: str
    postgresql: bool = False  # its tests need one; all others run on SQLite alone


GUARDS = (
    # The mark looks once more, in its own transaction.
    Guard(
        "suppression is looked at when a lesson is due",
        "course/store/enrollments.py",
        "for barred in (unsettled, suppressed)",
        "for barred in (unsettled,)",
        f"{RECHECKS}::test_a_suppressed_address_gets_no_lesson_that_is_due",
    ),
    Guard(
        "suppression is looked at when a lesson was put back",
        "course/actions/marking.py",
        "Enrolled.FINISHED} or row.suppressed:",
        "Enrolled.FINISHED}:",
        f"{RECHECKS}::test_a_lesson_that_was_put_back_is_cancelled_for_who_may_not_get_it_any_more",
    ),
    Guard(
        "leaving is looked at when a lesson was put back",
        "course/actions/marking.py",
        "if reader.status not in {Enrolled.ACTIVE, Enrolled.FINISHED} or row.suppressed:",
        "if row.suppressed:",
        f"{RECHECKS}::test_a_lesson_that_was_put_back_is_cancelled_for_who_may_not_get_it_any_more",
    ),
    Guard(
        "a reader's pause is looked at",
        "course/actions/planning.py",
        "        if reader.paused_until and reader.paused_until > now:\n            return False\n",
        "",
        f"{RECHECKS}::test_nothing_goes_to_a_reader_who_pauses_though_it_is_due",
    ),
    Guard(
        "a course's pause is looked at",
        "course/store/enrollments.py",
        "        .where(Enrollment.course_id.not_in(paused))\n",
        "",
        f"{RECHECKS}::test_nothing_goes_while_the_course_is_paused",
    ),
    Guard(
        "the send window",
        "course/actions/planning.py",
        "return schedule.is_open(self.window(reader, timezone), now)",
        "return True",
        "tests/actions/test_main_job.py",
    ),
    Guard(
        "a lesson waits for the one before it",
        "course/store/enrollments.py",
        "values(due_at=None))",
        "values(due_at=Enrollment.due_at))",
        SIMULATION,
    ),
    # Two at once.
    Guard(
        "the row locks of the mark (PostgreSQL)",
        "course/store/enrollments.py",
        ".with_for_update(of=Enrollment, skip_locked=True)",
        "",
        f"{RECHECKS}::test_two_workers_that_mark_at_once_pass_each_other_by",
        postgresql=True,
    ),
    Guard(
        "SKIP LOCKED (PostgreSQL)",
        "course/store/deliveries.py",
        ".with_for_update(of=Delivery, skip_locked=True)",
        ".with_for_update(of=Delivery)",
        f"{RECHECKS}::test_two_workers_that_mark_at_once_pass_each_other_by",
        postgresql=True,
    ),
    Guard(
        "BEGIN IMMEDIATE (SQLite)",
        "course/store/db.py",
        '"BEGIN" if mode == "read" else "BEGIN IMMEDIATE"',
        '"BEGIN"',
        f"{RECHECKS}::test_a_writer_of_another_process_waits_for_its_turn_and_then_reads",
    ),
    Guard(
        "the unique key of deliveries",
        "course/store/migrations/versions/0001_the_first_schema.py",
        """            ["enrollment_id", "lesson_id", "copy"],
            unique=True,""",
        """            ["enrollment_id", "lesson_id", "copy"],
            unique=False,""",
        f"{RECHECKS}::test_a_lesson_is_promised_once",
    ),
    Guard(
        "the lease: a call under way is left alone",
        "course/store/calls.py",
        '.where(Call.state != "done", Call.next_try_at <= now)',
        '.where(Call.state != "done")',
        f"{RECHECKS}::test_a_call_that_is_under_way_is_left_to_its_worker",
    ),
    Guard(
        "the fence: call and state, when recording",
        "course/store/deliveries.py",
        "statement = statement.where(Delivery.call_id == call_id, Delivery.state.in_(UNSETTLED))",
        "pass",
        f"{RECHECKS}::test_who_answers_late_changes_nothing_that_was_settled_meanwhile",
    ),
    Guard(
        "a worker that stood still does not post",
        "course/worker/sender.py",
        "return min(30.0, self.sending.lease.total_seconds() / 3)",
        'return float("inf")',
        f"{RECHECKS}::test_a_worker_that_stood_still_after_the_mark_does_not_post",
    ),
    Guard(
        "a worker that stood still while it posts does not end the request",
        "course/worker/sender.py",
        "lambda: self.awake() - began < half",
        "lambda: True",
        f"{RECHECKS}::test_a_worker_that_stood_still_while_it_posts_does_not_end_the_request",
    ),
    Guard(
        "a request is not completed late",
        "course/mail/http.py",
        "if not self._ready():",
        "if False:",
        "tests/mail/test_http.py::test_who_was_held_up_while_the_body_goes_does_not_complete_it",
    ),
    Guard(
        "a late no is no proof",
        "course/actions/recording.py",
        'if late and (call.bodies or call.state == "done"):',
        "if False:",
        f"{RECHECKS}::test_a_late_no_proves_nothing_once_another_worker_may_have_posted_the_same_call",
    ),
    # Durability.
    Guard(
        "the mark is durable",
        "course/store/db.py",
        "            self.sync(log)",
        "            pass",
        "tests/flows/test_power_cut.py",
    ),
    Guard(
        "a sync covers nobody who came after it began",
        "course/store/sync.py",
        "self._covered = covers",
        "self._covered = self.asked",
        "tests/store/test_sync.py",
    ),
    Guard(
        "who left has left, though nothing was sent since the backup",
        "course/actions/guarding.py",
        "        _bring_departures(session, id_key, witness, backup, now.machine)\n        return False",
        "        return False",
        "tests/actions/test_guard.py::test_who_left_after_the_backup_has_left",
    ),
    Guard(
        "a backup from before the first mail",
        "course/actions/guarding.py",
        "elif witness.since or backup is None or",
        "elif witness.since or newest is None or",
        "tests/actions/test_guard.py::test_a_backup_from_before_the_first_mail_is_held_too",
    ),
    Guard(
        "who came back has come back",
        "course/actions/guarding.py",
        "if named and not subscribers.decided(session, subscriber, course, at):",
        "if named:",
        "tests/actions/test_guard.py::test_who_left_and_came_back_while_no_worker_ran_stays",
    ),
    # Unknown.
    Guard(
        "no answer is unknown",
        "course/mail/http.py",
        'return Uncertain(f"no answer ({reason})")',
        "return Unreachable(reason)",
        "tests/mail/test_postmark.py -k test_once_it_is_sent_nobody_knows",
    ),
    Guard(
        "what an adapter stumbles over is unknown",
        "course/actions/settling.py",
        'return [Uncertain(f"the adapter failed: {error}")] * count',
        'return [Unreachable("the adapter failed")] * count',
        SIMULATION,
    ),
    Guard(
        "the settle time, before absence is believed",
        "course/actions/settling.py",
        "credible = settled and (",
        "credible = (",
        f"{SETTLING}::test_absence_is_not_believed_before_the_settle_time",
    ),
    Guard(
        "the neighbour that proves a search",
        "course/actions/settling.py",
        "(case.neighbour is not None and found.get(case.neighbour) is not None)",
        "True",
        f"{SETTLING}::test_absence_is_not_believed_if_the_search_finds_nothing_at_all",
    ),
    Guard(
        "no replay to who left",
        "course/actions/settling.py",
        "wanted = (row for row in rows if _wanted(session, row))",
        "wanted = rows",
        f"{SETTLING}::test_a_replay_never_mails_somebody_who_left_meanwhile",
    ),
    Guard(
        "no replay outside the window",
        "course/actions/settling.py",
        "for row in wanted if _may_leave(session, planners, sending, row, now))",
        "for row in wanted)",
        SIMULATION,
    ),
    Guard(
        "a replay moves the gap to the next lesson",
        "course/actions/settling.py",
        "undated=bool(call.bodies) or",
        "undated=",
        f"{RECHECKS}::test_the_gap_to_the_next_lesson_counts_from_the_replay",
    ),
    Guard(
        "what was restored moves the gap to the next lesson",
        "course/actions/settling.py",
        " or call.kind in {restoring.RESTORED, restoring.HELD},",
        ",",
        f"{GUARD}::test_the_gap_counts_from_when_it_was_found_out_if_nobody_knows_when_a_lesson_went",
    ),
    Guard(
        "a call of another account is not asked for here",
        "course/actions/settling.py",
        "    if case.elsewhere:\n",
        "    if False:\n",
        f"{RECHECKS}::test_a_call_that_went_through_another_account_is_not_made_again_in_this_one",
    ),
    Guard(
        "the policy resends once",
        "course/actions/settling.py",
        " and row.resent_at is None and _wanted(session, row):",
        " and _wanted(session, row):",
        f"{SETTLING}::test_the_policy_resend_sends_once_more_and_then_holds",
    ),
    Guard(
        "an event counts for its own recipient only",
        "course/actions/events.py",
        "rows = deliveries.of_subscriber(session, person.id)",
        "rows = session.query(Delivery).all()",
        "tests/actions/test_events.py::test_an_event_for_somebody_elses_message_changes_nothing",
    ),
    # Trouble of the account.
    Guard(
        "trouble of the account stops the lane",
        "course/actions/lanes.py",
        "    trouble = _trouble(outcomes, is_news=leased_until is not None)\n",
        "    trouble = None\n",
        f"{SETTLING}::test_an_account_fault_stops_the_lane_burns_nothing_and_ends_by_itself",
    ),
    Guard(
        "trouble of the account burns no attempts",
        "course/actions/recording.py",
        "            tried -= 1  # trouble of the account or the road is not the message's\n",
        "            pass\n",
        f"{SETTLING}::test_an_account_fault_stops_the_lane_burns_nothing_and_ends_by_itself",
    ),
    Guard(
        "one probe at a time",
        "course/actions/sending.py",
        "            return 1  # after trouble, a single probe\n",
        "            pass\n",
        SIMULATION,
    ),
    Guard(
        "a provider that does not answer closes the lane",
        "course/actions/lanes.py",
        "    return next((outcome for outcome in outcomes if isinstance(outcome, Uncertain)), None)",
        "    return None",
        f"{OUTAGES}::test_a_provider_that_does_not_answer_is_asked_less_and_less",
    ),
    Guard(
        "an answer is recorded when the database is back",
        "course/worker/sender.py",
        "if not is_away(error) or",
        "if True or",
        f"{OUTAGES}::test_an_answer_waits_for_a_database_that_is_away",
        postgresql=True,
    ),
    Guard(
        "what cannot be written down is not promised",
        "course/worker/sender.py",
        """        self.journal.ready()
        with self._marking, self.database.write() as session:
            began = self.awake()
            tripped = self._notice_another_database(session)
            batch""",
        """        with self._marking, self.database.write() as session:
            began = self.awake()
            tripped = self._notice_another_database(session)
            batch""",
        f"{OUTAGES}::test_what_cannot_be_written_down_is_not_promised",
    ),
    Guard(
        "a rate is kept by all workers together",
        "course/actions/marking.py",
        "        calls.spend(lane, len(marking.members), now.machine)",
        "        pass",
        "tests/actions/test_caps.py",
    ),
    Guard(
        "what is put off is no probe",
        "course/actions/marking.py",
        "if probe and marking.members:",
        "if probe:",
        f"{SETTLING}::test_what_cannot_go_now_is_no_probe_of_an_account_that_was_at_fault",
    ),
    # Restored backups.
    Guard(
        "a journal knows a call that the database does not",
        "course/actions/guarding.py",
        "if any(calls.by_id(session, call) is None for call in witness.last_calls):",
        "if False:",
        f"{GUARD}::test_what_went_after_the_backup_does_not_go_again",
    ),
    Guard(
        "somebody must vouch",
        "course/actions/guarding.py",
        "elif witness.since or backup is None or (beat and now.machine - beat < FRESH):",
        "elif True:",
        f"{GUARD}::test_a_database_that_nobody_here_remembers_is_held_until_somebody_vouches",
    ),
    Guard(
        "a restore under a running worker is noticed",
        "course/worker/sender.py",
        "if not self._last_call or calls.by_id(session, self._last_call):",
        "if True:",
        f"{GUARD}::test_a_database_put_back_while_the_worker_runs_is_noticed",
    ),
    Guard(
        "what fell due before a restore is held at once",
        "course/actions/restoring.py",
        "if not self.complete and reader.status == Enrolled.ACTIVE:",
        "if False:",
        f"{GUARD}::test_a_plan_made_after_the_restore_hides_no_lesson_that_fell_due_before",
    ),
    Guard(
        "a replay is written into the journal",
        "course/worker/sender.py",
        "            self.journal.repeated(case.call_id, self.now().machine, case.send_ids)\n",
        "            pass\n",
        f"{GUARD}::test_what_a_replay_sent_is_known_from_the_journal",
    ),
    # Edits.
    Guard(
        "a new lesson is skipped by who is past it",
        "course/store/enrollments.py",
        "session.execute(adding.on_conflict_do_nothing())",
        "pass",
        "tests/actions/test_lesson_import.py::test_a_new_lesson_is_got_by_readers_before_it_and_skipped_by_readers_past_it",
    ),
)
