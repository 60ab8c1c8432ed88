"""The rules of the house, proved over the source of `course/`; docs/decisions say why they are rules.

A rule takes modules and gives what breaks it, a line each. Below every rule stand sources that must break it: a rule
that cannot fail proves nothing.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

from course import serving
from course.core.clock import Now
from course.web import create_app, doors
from course.web.services import Services

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "templates"
Function = ast.FunctionDef | ast.AsyncFunctionDef

# --- How the source is read ---


@dataclass(frozen=True)
class Module:
    name: str  # "course.web.doors"; a package is its __init__
    source: str
    file: str = "bad.py"

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def room(self) -> str:
        """ "web" of "course.web.doors"; "" for the package itself."""
        return f"{self.name}.".split(".")[1]

    @cached_property
    def imports(self) -> list[tuple[ast.stmt, str, str]]:
        """(statement, what is imported in full, the name it has here)."""
        found: list[tuple[ast.stmt, str, str]] = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(node, a.name if a.asname else a.name.split(".")[0], a.asname or a.name) for a in node.names]
                found += [(node, a.name, "") for a in node.names if "." in a.name]
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                found += [(node, f"{base}.{a.name}", a.asname or a.name) for a in node.names]
        return found

    @cached_property
    def names(self) -> dict[str, str]:
        """What a name here stands for, where it was imported."""
        return {name.split(".")[0]: full for _, full, name in self.imports if name}

    @cached_property
    def functions(self) -> dict[str, Function]:
        """By name; of two methods of one name the last."""
        return {node.name: node for node in self.nodes if isinstance(node, Function)}

    def dotted(self, node: ast.AST) -> str:
        """ "datetime.datetime.now", whatever it is called here; "" for what does not begin with an import."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, "")
        if isinstance(node, ast.Attribute) and (base := self.dotted(node.value)):
            return f"{base}.{node.attr}"
        return ""

    def at(self, node: ast.AST, what: str) -> str:
        return f"{self.file}:{getattr(node, 'lineno', 0)}: {what}"


def read_house() -> list[Module]:
    found = []
    for path in sorted((ROOT / "course").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path.read_text(), str(path.relative_to(ROOT))))
    return found


HOUSE = read_house()


def last_name(node: ast.AST) -> str:
    """ "database" of `services().database`, "write" of `database.write()`."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def callee(modules: dict[str, Module], module: Module, call: ast.Call) -> tuple[str, str] | None:
    """(module, function) of the house that is called: imported, `f()` or `self.f()`; None for any other."""
    full, func = module.dotted(call.func), call.func
    of_self = isinstance(func, ast.Attribute) and getattr(func.value, "id", "") == "self"
    home, _, name = full.rpartition(".") if full else (module.name, "", last_name(func))
    if not full and not of_self and not isinstance(func, ast.Name):
        return None
    return (home, name) if home in modules and name in modules[home].functions else None


def calls(*trees: ast.AST) -> Iterator[ast.Call]:
    for tree in trees:
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def below(name: str, *homes: str) -> bool:
    return any(name == home or name.startswith(f"{home}.") for home in homes)


# --- Floors ---

FLOORS = {"core": 0, "store": 1, "mail": 1, "actions": 2, "web": 3, "worker": 3, "assembly": 4, "serving": 5}
DOORS = {"cli": 6, "wsgi": 6, "__main__": 7}
ASIDE = {"settings": {"core"}, "paths": {"core"}}  # beside the stairs, and what they may import


def floors(house: list[Module]) -> Iterator[str]:
    """Imports go down; rooms on one floor never meet; settings and paths are for those who wire and open."""
    stairs = FLOORS | DOORS
    for module in house:
        for node, full, _ in module.imports:
            if not below(full, "course") or full.count(".") == 0:
                continue
            here, there = module.room, full.split(".")[1]
            if there in {here, "__version__"}:
                continue
            if here in ASIDE:
                allowed = there in ASIDE[here]
            elif there in ASIDE:
                allowed = stairs.get(here, 0) >= FLOORS["assembly"]
            else:
                allowed = here in stairs and there in stairs and stairs[there] < stairs[here]
            if not allowed:
                yield module.at(node, f"{here or 'course'} imports {there}")


def no_cycles(house: list[Module]) -> Iterator[str]:
    names = {module.name for module in house}
    graph: dict[str, set[str]] = {}
    for module in house:
        imported = {next(filter(names.__contains__, _prefixes(full)), "") for _, full, _ in module.imports}
        graph[module.name] = imported - {"", module.name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield " -> ".join(error.args[1])


def _prefixes(full: str) -> Iterator[str]:
    """The longest first, so that `from course.web import doors` is of doors and not of the package."""
    while full:
        yield full
        full = full.rpartition(".")[0]


def no_hidden_imports(house: list[Module]) -> Iterator[str]:
    for module in house:
        for function in (node for node in module.nodes if isinstance(node, Function | ast.Lambda)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield module.at(node, "an import hidden in a function")


# --- Rights ---

HOLDERS = {  # library -> its only users
    "requests": ("course.mail.http",),
    "urllib3": ("course.mail.http",),
    "sqlalchemy": ("course.store",),
    "alembic": ("course.store.migrations",),
    "sqlite3": ("course.store",),
    "psycopg": ("course.store",),
    "flask": ("course.web",),
    "werkzeug": ("course.web",),
    "apscheduler": ("course.worker.loop",),
    "waitress": ("course.serving",),
    "click": ("course.cli",),
    "pydantic": ("course.settings",),
    "pydantic_settings": ("course.settings",),
    "jinja2": ("course.mail.render",),
    "flask_login": ("course.web.admin",),
    "flask_wtf": ("course.web.admin",),
    "argon2": ("course.core.passwords",),
    "pyotp": ("course.core.second_factor",),
    "segno": ("course.web.admin",),
    "smtplib": ("course.mail",),
    "ssl": ("course.mail",),
    "http.client": ("course.mail",),
    "urllib.request": ("course.mail",),
    "subprocess": (),
    "pickle": (),
}
AS_TYPES = {  # what others may import of them, for annotations and nothing else
    "sqlalchemy.orm.Session": ("course.actions", "course.web", "course.worker"),
    "flask.Flask": ("course.assembly",),
}
OUTSIDE = {"os", "pathlib", "socket", "threading", "logging", "tempfile", "asyncio", "shutil", "signal"}


def one_holder(house: list[Module]) -> Iterator[str]:
    for module in house:
        for node, full, name in module.imports:
            library = next((library for library in HOLDERS if below(full, library)), None)
            if library is None or below(module.name, *HOLDERS[library]):
                continue
            if not below(module.name, *AS_TYPES.get(full, ())):
                yield module.at(node, f"{full} is for {' and '.join(HOLDERS[library]) or 'nobody'}")
            elif used := _beyond_annotations(module, name):
                yield module.at(used, f"{full} is only a type here")


def _beyond_annotations(module: Module, name: str) -> ast.AST | None:
    """The first use of a name that is not in an annotation."""
    annotations: list[ast.AST] = []
    for node in module.nodes:
        annotations += filter(None, (getattr(node, field, None) for field in ("annotation", "returns")))
    fine = {id(inner) for annotation in annotations for inner in ast.walk(annotation)}
    uses = (node for node in module.nodes if isinstance(node, ast.Name) and node.id == name)
    return next((use for use in uses if id(use) not in fine), None)


def core_is_values(house: list[Module]) -> Iterator[str]:
    """Values in, values out: no files, no network, no threads, no log."""
    for module in house:
        for node, full, _ in module.imports:
            if module.room == "core" and full.split(".")[0] in OUTSIDE:
                yield module.at(node, f"core imports {full}")
        for call in calls(module.tree):
            if module.room == "core" and getattr(call.func, "id", "") in {"open", "print", "input"}:
                yield module.at(call, f"core calls {last_name(call)}()")


OPENERS = {"write", "relaxed", "read"}
MAY_OPEN = (
    "course.web",
    "course.worker",
    "course.cli",
    "course.assembly",
    "course.store.db",
    "course.store.migrations",
)


def opens_transaction(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in OPENERS:
        return False
    without = not node.args and not node.keywords
    return without and (node.func.attr != "read" or last_name(node.func.value) in {"database", "db"})


def transactions_open_at_doors(house: list[Module]) -> Iterator[str]:
    """A use case is one transaction or none, so it opens and commits none itself."""
    for module in house:
        for call in calls(module.tree):
            if opens_transaction(call) and not below(module.name, *MAY_OPEN):
                yield module.at(call, "opens a transaction")
            ends = isinstance(call.func, ast.Attribute) and call.func.attr in {"commit", "rollback", "begin"}
            makes = last_name(call.func) in {"Session", "sessionmaker", "create_engine", "scoped_session"}
            if (ends or makes) and module.name != "course.store.db":
                yield module.at(call, f"{last_name(call.func)}() is for course.store.db")


ASKING = {"post", "send", "look_up"}


def asks_provider(node: ast.AST) -> bool:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKING
    return named and last_name(node.func.value) in {"provider", "_provider"}  # type: ignore[attr-defined]


def askers(house: list[Module]) -> set[tuple[str, str]]:
    """(module, function) of all that call a provider, by themselves or by calling one that does."""
    modules = {module.name: module for module in house}
    found: set[tuple[str, str]] = set()
    while new := {
        (module.name, name)
        for module in house
        for name, function in module.functions.items()
        if (module.name, name) not in found
        and any(asks_provider(call) or callee(modules, module, call) in found for call in calls(function))
    }:
        found |= new
    return found


# The two that send, lessons and notices; and what settles and posts on their behalf.
MAY_ASK = ("course.worker.sender", "course.worker.notifier", "course.actions.settling")


def only_the_sender_calls_a_provider(house: list[Module]) -> Iterator[str]:
    for module in house:
        for call in calls(module.tree):
            if asks_provider(call) and module.name not in MAY_ASK:
                yield module.at(call, "calls a provider")
    for name, function in askers(house):
        if name not in MAY_ASK:
            yield f"{name}.{function}: comes to call a provider"


def no_call_within_a_transaction(house: list[Module]) -> Iterator[str]:
    """Nobody waits for a provider while others wait for the database: whoever has a session is in a transaction."""
    modules, asking = {module.name: module for module in house}, askers(house)
    for module in house:
        for name, function in module.functions.items():
            given = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
            if (module.name, name) in asking and "session" in given:
                yield module.at(function, f"{name} has a session and comes to call a provider")
        for block in (node for node in module.nodes if isinstance(node, ast.With)):
            if any(opens_transaction(item.context_expr) for item in block.items):
                for call in calls(*block.body):
                    if asks_provider(call) or callee(modules, module, call) in asking:
                        yield module.at(call, "comes to call a provider while a transaction is open")


def a_web_request_never_sends(house: list[Module]) -> Iterator[str]:
    """Of mail/ the web knows the outbox's viewer and the hooks by which providers tell."""
    for module in house:
        for node, full, _ in module.imports:
            known = below(full, "course.mail.outbox_view", "course.mail.hook")
            if module.room == "web" and below(full, "course.mail") and not known:
                yield module.at(node, f"web imports {full}")


WIRING = ("course.assembly", "course.serving", "course.cli", "course.wsgi")
CLOCK = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
    *(f"time.{name}" for name in (
        "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
        "clock_gettime", "clock_gettime_ns", "sleep", "localtime", "gmtime", "ctime", "strftime",
    )),
}  # fmt: skip
CHANCE = ("random", "secrets", "uuid", "os.urandom")
LENT = {  # (module, what) -> why
    ("course.mail.http", "time.monotonic"): "a default: the deadline of a call is no course's time",
    ("course.settings", "secrets.token_urlsafe"): "the installation's secret is made at first use",
    ("course.settings", "secrets.token_hex"): "and is written beside first",
}


def clock_and_chance_at_doors(house: list[Module]) -> Iterator[str]:
    """Time is an argument everywhere else, and so is chance."""
    for module in house:
        if below(module.name, *WIRING):
            continue
        called = {id(call.func) for call in calls(module.tree)}
        inner = {id(node.value) for node in module.nodes if isinstance(node, ast.Attribute)}
        for node in module.nodes:
            full = module.dotted(node)
            if not full or id(node) in inner or (module.name, full) in LENT:
                continue
            if full == "random.Random" and id(node) not in called:  # the type of an argument
                continue
            if full in CLOCK or below(full, *CHANCE):
                yield module.at(node, f"{full} is for those who wire")


ENVIRONMENT = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv")


def environment_in_settings(house: list[Module]) -> Iterator[str]:
    for module in house:
        for node in module.nodes:
            if module.name != "course.settings" and module.dotted(node) in ENVIRONMENT:
                yield module.at(node, "reads the environment")


# --- Sizes ---

MAX_FILE, MAX_FUNCTION = 250, 40  # lines
ALLOWED = {  # file, or file and function: why it may be longer
    "course/store/migrations/versions/0001_the_first_schema.py": "written once, never changed",
    "course/store/migrations/versions/0001_the_first_schema.py upgrade": "written once, never changed",
    "course/store/migrations/versions/0002_what_coaches_and_readers_do.py upgrade": "written once, never changed",
}


def length(function: Function) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def all_functions(house: list[Module]) -> Iterator[tuple[Module, Function]]:
    for module in house:
        yield from ((module, node) for node in module.nodes if isinstance(node, Function))


def sizes(house: list[Module]) -> Iterator[str]:
    for module in house:
        lines = module.source.count("\n")
        if lines > MAX_FILE and module.file not in ALLOWED:
            yield f"{module.file}: {lines} lines, over {MAX_FILE}"
    for module, function in all_functions(house):
        if length(function) > MAX_FUNCTION and f"{module.file} {function.name}" not in ALLOWED:
            yield module.at(function, f"{function.name} has {length(function)} lines, over {MAX_FUNCTION}")


# --- The web ---


def templates_exist(house: list[Module]) -> Iterator[str]:
    for module in house:
        for call in calls(module.tree):
            if last_name(call.func) not in {"render_template", "stream_template"}:
                continue
            name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
            if not isinstance(name, str):
                yield module.at(call, "renders a template that cannot be told from the source")
            elif not (TEMPLATES / name).is_file():
                yield module.at(call, f"templates/{name} is not there")


@dataclass(frozen=True)
class View:
    module: Module
    name: str
    methods: frozenset[str]


VERBS = {"get", "post", "put", "patch", "delete"}


def views(house: list[Module]) -> Iterator[View]:
    """What answers requests: by `add_url_rule`, or under a decorator."""
    for module in house:
        for call in calls(module.tree):
            if last_name(call.func) == "add_url_rule":
                view = next((word.value for word in call.keywords if word.arg == "view_func"), None)
                yield View(module, last_name(view) if view else "?", _methods(call))
        for function in module.functions.values():
            for mark in function.decorator_list:
                if isinstance(mark, ast.Call) and last_name(mark) in VERBS:
                    yield View(module, function.name, frozenset({last_name(mark).upper()}))
                elif isinstance(mark, ast.Call) and last_name(mark) == "route":
                    yield View(module, function.name, _methods(mark))


def _methods(call: ast.Call) -> frozenset[str]:
    for word in call.keywords:
        if word.arg == "methods":
            return frozenset(ast.literal_eval(word.value))
    return frozenset({"GET"})


MARKS = {"open_door", "coaches_only"}


def doors_are_marked(house: list[Module]) -> Iterator[str]:
    for view in views(house):
        function = view.module.functions.get(view.name)
        marks = {last_name(mark) for mark in function.decorator_list} if function else set[str]()
        if function and not marks & MARKS:
            yield view.module.at(function, f"{view.name} is neither named open nor guarded")


def looking_changes_nothing(house: list[Module]) -> Iterator[str]:
    """No view that answers GET opens a transaction to write, nor does anything in web/ that it calls."""
    modules = {module.name: module for module in house}
    for view in views(house):
        if "GET" not in view.methods:
            continue
        for module, function in _called(modules, view):
            for call in calls(function):
                if opens_transaction(call) and last_name(call) != "read":
                    yield module.at(call, f"{last_name(call)}() on the way of GET {view.name}")


def _called(modules: dict[str, Module], view: View) -> list[tuple[Module, Function]]:
    """The functions of the house that a view comes to, itself first."""
    found: dict[tuple[str, str], tuple[Module, Function]] = {}
    todo: list[tuple[str, str] | None] = [(view.module.name, view.name)]
    while todo:
        key = todo.pop()
        if key is None or key in found or key[1] not in modules[key[0]].functions:
            continue
        module = modules[key[0]]
        found[key] = (module, module.functions[key[1]])
        todo += [callee(modules, module, call) for call in calls(found[key][1])]
    return list(found.values())


# --- The rules, and what must break them ---

Rule = Callable[[list[Module]], Iterator[str]]
RULES: dict[Rule, list[dict[str, str]]] = {
    floors: [
        {"course.core.a": "from course.store import courses"},
        {"course.store.a": "from course.mail import outbox"},
        {"course.mail.a": "import course.store.db"},
        {"course.actions.a": "from course.web.services import services"},
        {"course.web.a": "from course.worker.sender import Sender"},
        {"course.worker.a": "from course import web"},
        {"course.web.a": "from course.settings import Settings"},
        {"course.mail.a": "from course import paths"},
        {"course.settings": "from course.store.db import Database"},
        {"course.assembly": "from course import serving"},
        {"course.serving": "from course.cli import main"},
        {"course.core.a": "from course.new_room import x"},
        {"course.new_room.a": "from course.core import letter"},
        {"course": "from course import assembly"},
    ],
    no_cycles: [
        {"course.core.a": "from course.core import b", "course.core.b": "from course.core.a import x"},
        {
            "course.core.a": "import course.core.b",
            "course.core.b": "from course.core.c import x",
            "course.core.c": "from course.core import a",
        },
    ],
    no_hidden_imports: [
        {"course.core.a": "def f():\n    import json"},
        {"course.core.a": "class A:\n    def f(self):\n        if 1:\n            from json import loads"},
        {"course.core.a": "async def f():\n    import json"},
    ],
    one_holder: [
        {"course.mail.postmark": "import requests"},
        {"course.mail.smtp": "from requests.adapters import HTTPAdapter"},
        {"course.actions.a": "from sqlalchemy import select"},
        {"course.actions.a": "from sqlalchemy.orm import Session, joinedload"},
        {"course.actions.a": "from sqlalchemy.orm import Session\ndef f(engine): return Session(engine)"},
        {"course.core.a": "from sqlalchemy.orm import Session\ndef f(session: Session): ..."},
        {"course.worker.a": "import flask"},
        {"course.assembly": "from flask import request"},
        {"course.assembly": "from flask import Flask\napp = Flask('x')"},
        {"course.store.db": "from alembic import op"},
        {"course.core.a": "import subprocess"},
        {"course.web.a": "from smtplib import SMTP"},
        {"course.web.a": "import urllib.request"},
    ],
    core_is_values: [
        {"course.core.a": "import os"},
        {"course.core.a": "from pathlib import Path"},
        {"course.core.a": "def f(name): return open(name).read()"},
    ],
    transactions_open_at_doors: [
        {"course.actions.a": "def f(database):\n    with database.write() as session: ..."},
        {"course.actions.a": "def f(it):\n    with it.relaxed() as session: ..."},
        {"course.store.courses": "def f(parts):\n    with parts.database.read() as session: ..."},
        {"course.actions.a": "def f(session): session.commit()"},
        {"course.web.a": "def f(session): session.rollback()"},
        {"course.store.courses": "def f(engine): return Session(engine)"},
        {"course.serving": "def f(parts):\n    with parts.database.write(): ..."},
    ],
    only_the_sender_calls_a_provider: [
        {"course.web.a": "def f(): services().provider.send([], 'k')"},
        {"course.actions.sending": "def f(self): self.sending.provider.post(b'', 'k', 1)"},
        {
            "course.actions.settling": "def ask(provider): return g(provider)\ndef g(provider): provider.look_up([])",
            "course.web.a": "from course.actions import settling\ndef f(): settling.ask(1)",
        },
        {
            "course.actions.settling": "def ask(provider): provider.look_up([])",
            "course.actions.a": "from course.actions.settling import ask\ndef f(): ask(1)",
            "course.cli.a": "from course.actions import a\ndef g(): a.f()",
        },
    ],
    no_call_within_a_transaction: [
        {"course.worker.a": "def f(self):\n    with self.database.write():\n        self.provider.post(b'', 'k', 1)"},
        {
            "course.worker.a": "def f(self):\n    with a, self.database.relaxed():\n        if 1: self._go()\n"
            "def _go(self): self._on()\ndef _on(self): self.sending.provider.send([], '')"
        },
        {
            "course.worker.a": "from course.actions import settling\n"
            "def f(self):\n    with self.database.write(): settling.ask(1)",
            "course.actions.settling": "def ask(provider): provider.look_up([])",
        },
        {
            "course.actions.settling": "def f(session, provider): g(provider)\n"
            "def g(provider): provider.post(b'', 'k', 1)"
        },
    ],
    a_web_request_never_sends: [
        {"course.web.a": "from course.mail import registry"},
        {"course.web.a": "from course.mail.provider import Provider"},
    ],
    clock_and_chance_at_doors: [
        {"course.core.a": "from datetime import datetime\nnow = datetime.now()"},
        {"course.web.a": "import datetime as dt\nf(dt.datetime.now)"},
        {"course.store.a": "from datetime import date\ndate.today()"},
        {"course.worker.a": "import time\ntime.sleep(1)"},
        {"course.mail.smtp": "import time\ndef f(monotonic=time.monotonic): ..."},
        {"course.actions.a": "from time import monotonic as m\nm()"},
        {"course.actions.a": "import random\nrandom.random()"},
        {"course.actions.a": "import random\nrandom.Random(1)"},
        {"course.actions.a": "from secrets import token_hex\ntoken_hex()"},
        {"course.store.a": "import uuid\nuuid.uuid4()"},
        {"course.core.a": "import os\nos.urandom(8)"},
        {"course.settings": "import secrets\nsecrets.token_bytes(8)"},
    ],
    environment_in_settings: [
        {"course.assembly": "import os\nos.environ['HOME']"},
        {"course.cli.a": "from os import environ\nenviron.get('HOME')"},
        {"course.mail.a": "import os as o\no.getenv('HOME')"},
    ],
    sizes: [
        {"course.core.a": "x = 1\n" * 251},
        {"course.core.a": "def f():\n" + "    x = 1\n" * 40},
        {"course.core.a": "class A:\n    async def f(self):\n" + "        x = 1\n" * 40},
    ],
    templates_exist: [
        {"course.web.a": "render_template('readers/none.html')"},
        {"course.web.a": "flask.render_template(name)"},
        {"course.web.a": "render_template()"},
    ],
    doors_are_marked: [
        {"course.web.a": "def add_to(bp): bp.add_url_rule('/', view_func=f)\ndef f(): ..."},
        {"course.web.a": "@bp.get('/')\ndef f(): ..."},
        {"course.web.a": "@bp.route('/', methods=['POST'])\n@cached\ndef f(): ..."},
    ],
    looking_changes_nothing: [
        {"course.web.a": "@bp.get('/')\ndef f():\n    with services().database.write(): ..."},
        {"course.web.a": "bp.add_url_rule('/', view_func=f)\ndef f(): g()\ndef g(): database.relaxed()"},
        {"course.web.a": "@bp.route('/', methods=['POST', 'GET'])\ndef f(): database.write()"},
        {
            "course.web.a": "from course.web import b\n@bp.get('/')\ndef f(): b.g()",
            "course.web.b": "from course.web.c import h\ndef g(): return h()",
            "course.web.c": "def h(): services().database.write()",
        },
    ],
}
BROKEN = [(rule, house) for rule, houses in RULES.items() for house in houses]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    assert list(rule(HOUSE)) == []


@pytest.mark.parametrize(("rule", "house"), BROKEN, ids=lambda value: getattr(value, "__name__", "broken"))
def test_the_rule_can_fail(rule: Rule, house: dict[str, str]) -> None:
    assert list(rule([Module(name, source) for name, source in house.items()]))


def test_the_exceptions_are_still_needed() -> None:
    """An exception that nothing needs any more would let something else through."""
    files = {module.file: module for module in HOUSE}
    for what in ALLOWED:
        file, _, function = what.partition(" ")
        assert file in files, what
        size = length(files[file].functions[function]) if function else files[file].source.count("\n")
        assert size > (MAX_FUNCTION if function else MAX_FILE), what
    for module, full in LENT:
        [found] = [one for one in HOUSE if one.name == module]
        assert any(found.dotted(node) == full for node in found.nodes), (module, full)


def test_sizes_are_those_of_a_readable_house(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(module.source.count("\n") for module in HOUSE if module.source.strip())
    functions = sorted(length(function) for _, function in all_functions(HOUSE))
    with capsys.disabled():
        print(
            f"\n{len(files)} files: median {median(files):.0f} lines, most {files[-1]}; "
            f"{len(functions)} functions: median {median(functions):.0f}, most {functions[-1]}"
        )
    assert median(files) <= 90
    assert median(functions) <= 10


# --- The doors, as they stand in a running site ---


@pytest.fixture
def services(tmp_path: Path) -> Services:
    def never() -> Now:
        raise AssertionError("nobody came this far")

    return Services(
        database=None,  # type: ignore[arg-type]
        letters=None,  # type: ignore[arg-type]
        now=never,
        machine=never,
        public_url="https://course.example",
        trusted_proxies=0,
        outbox=tmp_path,
        hook=None,
        account="",
        templates=TEMPLATES,
        version="",
        secrets=["s" * 32],
        chance=bytes,
    )


def test_every_view_of_the_site_is_named_open_or_guarded_and_known_to_the_rules(services: Services) -> None:
    app = create_app(services)
    for rule in app.url_map.iter_rules():
        view, is_admin = app.view_functions[rule.endpoint], rule.endpoint.startswith(f"{doors.GUARDED}.")
        assert doors.is_open(view) != doors.is_for_coaches(view), rule.endpoint
        assert is_admin or doors.is_open(view), rule.endpoint
        assert rule.rule.startswith("/admin") == is_admin, rule.rule
        assert getattr(view, doors.LARGEST, 0) < serving.LONGEST_BODY, rule.endpoint
    known = {view.name for view in views(HOUSE)} | {"static"}
    names = {view.__name__ for endpoint, view in app.view_functions.items() if endpoint != "static"}
    assert names | {"static"} == known


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_a_view_that_nobody_opened_is_shut(services: Services, method: str) -> None:
    app = create_app(services)
    app.add_url_rule("/new", view_func=lambda: "come in", methods=["GET", "POST", "OPTIONS"])
    answer = app.test_client().open("/new", method=method)
    assert answer.status_code == 403
    assert "come in" not in answer.text
    doors.open_door(app.view_functions["<lambda>"])
    assert app.test_client().open("/new", method=method).status_code == 200


def test_every_template_of_the_site_is_used() -> None:
    rendered = "\n".join(module.source for module in HOUSE)
    pages = {str(path.relative_to(TEMPLATES)): path.read_text() for path in TEMPLATES.rglob("*.html")}
    shown = {name for name in pages if not name.startswith("mail/")}
    unused = {name for name in shown if f'"{name}"' not in rendered and f'"{name}"' not in "\n".join(pages.values())}
    assert unused == set()


def test_every_static_file_is_used() -> None:
    static = ROOT / "course" / "web" / "static"
    scripts = "\n".join(path.read_text() for path in static.glob("*.js"))
    pages = "\n".join(path.read_text() for path in TEMPLATES.rglob("*.html")) + scripts
    unused = {path.name for path in static.iterdir() if path.is_file() and path.name not in pages}
    assert unused == set()
