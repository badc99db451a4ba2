"""
Celery: publishing a task and each try to run it as hops of one trace, with retries, chains and groups.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from celery import Celery, Task, signals

from tracelog.client.carrier import CARRIED
from tracelog.client.foreign import chosen
from tracelog.integrations.patching import Method, Undo, replace
from tracelog.integrations.work import Publication, Run

if TYPE_CHECKING:
    from tracelog.client.client import Client

FLUSH_S: Final = 2.0
"""A worker process that is replaced waits so long for what it has logged."""


def setup(app: Celery | None = None, *, client: "Client | None" = None) -> Undo:
    """
    Log every task that is published and every try to run one. A second call changes nothing.

    Call it where the app is made: in the program that publishes and in the worker.

    Args:
        app: Taken because one expects to give it; the tasks of every app are logged.
        client: Who logs; the default one when None.

    Returns:
        A function that undoes it.
    """
    del app
    who = chosen(client)

    def make(before: Method) -> Method:
        def send_task(self: Celery, name: str, *args: Any, headers: Any = None, **options: Any) -> Any:
            with Publication(who(), name, {}) as publication:
                sent = before(self, name, *args, headers=publication.carried(headers), **options)
                publication.fields["task_id"] = str(getattr(sent, "id", ""))
            return sent

        return send_task

    undo_publishing = replace(Celery, "send_task", make)
    if _ON:
        return undo_publishing
    runs = _Runs(who)
    _ON.append(runs)
    runs.connect()

    def undo() -> None:
        undo_publishing()
        _ON.clear()
        runs.disconnect()

    return undo


class _Runs:
    """
    The tries under way in this process, told by Celery's signals.
    """

    def __init__(self, who: Callable[[], "Client"]) -> None:
        self._who = who
        self._runs: dict[str, Run] = {}
        self._handlers = {
            signals.task_prerun: self._begin,
            signals.task_failure: self._fail,
            signals.task_retry: self._try_again,
            signals.task_postrun: self._end,
            signals.worker_process_shutdown: self._leave,
        }

    def connect(self) -> None:
        for signal, handler in self._handlers.items():
            signal.connect(handler, weak=False)

    def disconnect(self) -> None:
        for signal, handler in self._handlers.items():
            signal.disconnect(handler)

    def _begin(self, task_id: str, task: Task, **_: Any) -> None:
        fields = {"task_id": task_id, "try": (task.request.retries or 0) + 1}
        run = self._runs[task_id] = Run(self._who(), task.name, _headers(task.request), fields)
        run.__enter__()

    def _fail(self, task_id: str, exception: Exception, **_: Any) -> None:
        if (run := self._runs.get(task_id)) is not None:
            run.failure = exception

    def _try_again(self, request: Any, reason: Any, **_: Any) -> None:
        if (run := self._runs.get(request.id)) is not None:
            run.again = str(reason)

    def _end(self, task_id: str, **_: Any) -> None:
        if (run := self._runs.pop(task_id, None)) is not None:
            run.__exit__(None, None, None)

    def _leave(self, **_: Any) -> None:
        self._who().flush(FLUSH_S)


_ON: Final[list[_Runs]] = []
"""Holds something while tasks are logged: signals, unlike methods, would call us twice."""


def _headers(request: Any) -> dict[str, Any]:
    """
    Return what came with the message of *request*: its own headers, and those that Celery made attributes of.
    """
    given = dict(getattr(request, "headers", None) or {})
    for name in CARRIED:
        value = getattr(request, name, None)
        if value is not None:
            given.setdefault(name, value)
    return given
