"""
What a team would write in an afternoon: FastAPI, pydantic and redis-py, one pipeline a request.
"""

import os
from typing import Any

import redis.asyncio
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
client = redis.asyncio.from_url(os.environ["BENCH_REDIS"])


class LogEntry(BaseModel):
    id: str
    trace_id: str
    system: str
    level: str
    message: str
    timestamp: float
    user_id: str | None = None
    context: dict[str, Any] | None = None


@app.post("/log")
async def log(body: LogEntry | list[LogEntry]) -> dict[str, Any]:
    entries = body if isinstance(body, list) else [body]
    async with client.pipeline(transaction=False) as pipe:
        for entry in entries:
            pipe.rpush(f"logs:{entry.trace_id}", entry.model_dump_json())
            pipe.expire(f"logs:{entry.trace_id}", 3600)
        await pipe.execute()
    return {"success": True, "accepted": len(entries)}
