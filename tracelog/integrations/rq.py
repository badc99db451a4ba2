"""
RQ: each try to run a job as a hop of the trace in which it was enqueued.
"""

from typing import TYPE_CHECKING, Any, Final

from rq.job import Job

from tracelog.client.foreign import chosen
from tracelog.integrations.patching import Method, Undo, replace_all
from tracelog.integrations.work import Publication, Run

if TYPE_CHECKING:
    from tracelog.client.client import Client

META: Final = "tracelog"
"""The name in a job's meta under which its trace travels."""

FLUSH_S: Final = 2.0
"""A job runs in a process of its own, which ends right after it: it waits so long for delivery."""


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log every job that is enqueued and every try to run one. A second call changes nothing.

    Call it in the program that enqueues and in the worker.

    Returns:
        A function that undoes it.
    """
    who = chosen(client)

    def make_save(before: Method) -> Method:
        def save(self: Job, *args: Any, **options: Any) -> Any:
            if META in self.meta or "unserialized" in self.meta:
                return before(self, *args, **options)
            with Publication(who(), _name(self), {"job_id": self.id, "queue": self.origin}) as publication:
                self.meta[META] = publication.carried(None)
                return before(self, *args, **options)

        return save

    def make_perform(before: Method) -> Method:
        def perform(self: Job, *args: Any, **options: Any) -> Any:
            fields = {"job_id": self.id, "queue": self.origin}
            client = who()
            try:
                with Run(client, _name(self), self.meta.get(META) or {}, fields) as run:
                    try:
                        return before(self, *args, **options)
                    except Exception as error:
                        if self.retries_left:
                            run.again = f"{type(error).__name__}: {error}"
                        raise
            finally:
                client.flush(FLUSH_S)

        return perform

    return replace_all([(Job, "save", make_save), (Job, "perform", make_perform)])


def _name(job: Job) -> str:
    return str(job.func_name or job.id)
