"""Before every call: who it is and whether he may. After it: any error becomes a status that tells nothing of ours."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import grpc
import redis

from access.auth import CallerAuth, Unauthenticated
from access.caller import Caller, anybody
from scorer.live.certificates import names_of
from scorer.live.meter import Meter
from scorer.live.methods import ASKING, METHODS
from scorer.live.pulse import Pulse
from scorer.live.refusal import CallerErrors, Code, Refused
from store.client import UNWELL

CALLER: ContextVar[str] = ContextVar("CALLER")
"""Whose call this is."""
SLOWEST_S = 5.0
"""So long a reply of a stream may wait for its reader: nothing is kept for him."""
Handler = Any
"""grpc.RpcMethodHandler, which has no types."""


class Gate(grpc.aio.ServerInterceptor):
    """Stands before every method of the server, whichever service it is of; without `auth` it lets everybody in."""

    def __init__(self, auth: CallerAuth | None, pulse: Pulse, meter: Meter) -> None:
        self._auth, self._pulse, self._meter, self._refusals = auth, pulse, meter, CallerErrors()
        self._handlers: dict[str, Handler] = {}

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Handler]], handler_call_details: Any
    ) -> Handler:
        method = handler_call_details.method
        if method not in self._handlers:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None  # UNIMPLEMENTED, which tells nothing but that
            self._handlers[method] = self._gated(method, handler)
        return self._handlers[method]

    def _gated(self, method: str, handler: Handler) -> Handler:
        """The handler behind the gate; one answer, or a stream of them."""
        if handler.unary_unary:
            inner = handler.unary_unary

            async def one(request: Any, context: Any) -> Any:
                return await self._guarded(method, request, context, lambda: inner(request, context))

            make: Any = grpc.unary_unary_rpc_method_handler
            return make(one, handler.request_deserializer, handler.response_serializer)
        inner_stream = handler.unary_stream or handler.stream_stream
        if inner_stream is None:
            raise AssertionError(f"{method} takes a stream and gives one answer: the gate has no such way")

        async def many(request: Any, context: Any) -> None:
            await self._guarded(method, request, context, lambda: _sent(inner_stream, request, context))

        make = grpc.unary_stream_rpc_method_handler if handler.unary_stream else grpc.stream_stream_rpc_method_handler
        return make(many, handler.request_deserializer, handler.response_serializer)

    async def _guarded(self, method: str, request: Any, context: Any, work: Callable[[], Awaitable[Any]]) -> Any:
        begun = time.monotonic()
        try:
            CALLER.set(self._admitted(method, request, context).name)
            return await work()
        except grpc.aio.AbortError:
            raise  # of a library's service, in its own words
        except Exception as error:
            silent = isinstance(error, redis.RedisError)
            if isinstance(error, UNWELL):
                self._pulse.doubt()
            code, message = self._refusals.status_of(error)
            self._meter.failed(code.name, time.monotonic() - begun, silent)
        await context.abort(code, message)
        raise AssertionError("abort raises")

    def _admitted(self, method: str, request: Any, context: Any) -> Caller:
        """Whose call it is. Raises Refused for whoever may not make it."""
        if self._auth is None:
            return anybody(context.peer(), *ASKING)
        try:
            said = [value for name, value in context.invocation_metadata() or () if name == "authorization"]
            caller = self._auth.caller(said, names_of(context.auth_context()))
        except Unauthenticated as error:
            self._refusals.told(f"a caller whom nobody knows: {error}", "unauthenticated")
            raise Refused(Code.UNAUTHENTICATED, "Show a certificate or a token that this scorer knows.") from error
        if not caller.is_any_of(METHODS.get(method, ())):
            raise Refused(Code.PERMISSION_DENIED, "None of your roles may make this call.")
        country = getattr(request, "country", None)
        if country is not None and not caller.may_see(country):
            raise Refused(Code.PERMISSION_DENIED, "You may not ask about this country.")
        if not self._auth.in_time(caller):
            raise Refused(Code.RESOURCE_EXHAUSTED, "You call more often than you may. Try again a little later.")
        return caller


async def _sent(stream: Callable[..., Any], request: Any, context: Any) -> None:
    """Everything that a stream gives, whether it yields or writes by itself."""
    if not inspect.isasyncgenfunction(stream):
        await stream(request, context)
        return
    async with contextlib.aclosing(stream(request, context)) as replies:
        async for reply in replies:
            try:
                await asyncio.wait_for(context.write(reply), SLOWEST_S)
            except TimeoutError as error:
                raise Refused(Code.RESOURCE_EXHAUSTED, "You do not read what comes. Ask again.") from error
