"""The yardstick of the sign-up bench: a Flask view that inserts one row, with the same server and PRAGMAs."""

import argparse
import logging
import os
from pathlib import Path

import waitress
from flask import Flask, request
from sqlalchemy import insert
from sqlalchemy.orm import Mapped, mapped_column

from course.serving import THREADS
from course.store.db import Database
from course.store.models import Base


class Row(Base):
    __tablename__ = "row"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    home = Path(os.environ["COURSE_HOME"])
    home.mkdir(parents=True)
    database = Database(f"sqlite:///{home}/bare.db")
    with database.write() as session:
        Row.__table__.create(session.connection())  # type: ignore[attr-defined]
    app = Flask(__name__)

    @app.post("/signups")
    def add() -> str:
        with database.write() as session:
            session.execute(insert(Row).values(email=request.form["email"], name=request.form["name"]))
        return "ok"

    @app.get("/")
    def ready() -> str:
        return "ok"

    waitress.serve(app, port=parser.parse_args().port, threads=THREADS, host="127.0.0.1", _quiet=True)


main()
