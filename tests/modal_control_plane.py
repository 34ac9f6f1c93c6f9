"""A stand-in for Modal's control plane on loopback: it agrees to everything and remembers what it was asked.

Built on the service definition that the `modal` wheel ships, so that the real `modal deploy` runs against it without an
account. It proves what a deployment asks for; not that Modal would build or accept it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pickle
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpclib
import grpclib.const
import grpclib.server
from modal_proto import api_grpc, api_pb2

BUILDER = "2025.06"


class _Definition(api_grpc.ModalClientBase):
    """The wheel's list of calls; what each does is below."""


_Definition.__abstractmethods__ = frozenset()


class ControlPlane(_Definition):
    """Records (call, request) pairs in `asked`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []
        self._made: Counter[str] = Counter()

    def __mapping__(self) -> dict[str, grpclib.const.Handler]:
        """Every call of the definition, answered by `_reply`."""
        streams = (grpclib.const.Cardinality.UNARY_STREAM, grpclib.const.Cardinality.STREAM_STREAM)
        handlers = {}
        for path, given in super().__mapping__().items():
            name = path.rpartition("/")[2]

            async def answer(stream: object, name: str = name, given: grpclib.const.Handler = given) -> None:
                asked = await stream.recv_message()
                self.asked.append((name, asked))
                if given.cardinality not in streams:
                    reply = await asyncio.to_thread(self._reply, name, asked, given.reply_type)
                    await stream.send_message(reply)

            handlers[path] = grpclib.const.Handler(answer, given.cardinality, given.request_type, given.reply_type)
        return handlers

    def _new(self, kind: str) -> str:
        self._made[kind] += 1
        return f"{kind}-{self._made[kind]:06d}"

    def _reply(self, name: str, asked: object, reply: type) -> object:
        match name:
            case "EnvironmentGetOrCreate":
                settings = api_pb2.EnvironmentSettings(image_builder_version=BUILDER)
                metadata = api_pb2.EnvironmentMetadata(name="main", settings=settings)
                return reply(environment_id="en-1", metadata=metadata)
            case "AppGetOrCreate" | "AppCreate":
                return reply(app_id="ap-1")
            case "ImageGetOrCreate":
                done = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
                metadata = api_pb2.ImageMetadata(image_builder_version=BUILDER, python_version_info="3.12")
                return reply(image_id=self._new("im"), result=done, metadata=metadata)
            case "MountPutFile":
                return reply(exists=True)
            case "MountGetOrCreate":
                metadata = api_pb2.MountHandleMetadata(content_checksum_sha256_hex="0" * 64)
                return reply(mount_id=self._new("mo"), handle_metadata=metadata)
            case "SecretGetOrCreate":
                return reply(secret_id=self._new("st"))
            case "VolumeGetOrCreate":
                return reply(volume_id=self._new("vo"))
            case "FunctionPrecreate":
                metadata = api_pb2.FunctionHandleMetadata(
                    function_name=asked.function_name, function_type=asked.function_type
                )
                return reply(function_id=self._new("fu"), handle_metadata=metadata)
            case "FunctionCreate":
                return self._function(asked, reply)
            case "ClassCreate":
                return reply(class_id=self._new("cs"), handle_metadata=api_pb2.ClassHandleMetadata())
            case "AppPublish":
                return reply(url="http://app.invalid", deployed_at=1.0)
            case _:
                return reply()

    def _function(self, asked: object, reply: type) -> object:
        given = asked.function if asked.HasField("function") else asked.function_data
        metadata = api_pb2.FunctionHandleMetadata(
            function_name=given.function_name,
            is_method=given.is_method,
            definition_id=self._new("de"),
            function_type=given.function_type,
        )
        for name, method in given.method_definitions.items():
            web = method.webhook_config
            metadata.method_handle_metadata[name].CopyFrom(
                api_pb2.FunctionHandleMetadata(
                    function_name=method.function_name,
                    function_type=method.function_type,
                    web_url=f"https://you--{web.requested_suffix}.modal.run" if web.type else "",
                    is_method=True,
                    use_method_name=name,
                )
            )
        answer = reply(function_id=asked.existing_function_id or self._new("fu"), handle_metadata=metadata)
        if not asked.HasField("function"):
            answer.function_data.CopyFrom(asked.function_data)
            return answer
        answer.function.CopyFrom(given)
        answer.function_data.function_name = given.function_name
        for name, method in given.method_definitions.items():
            answer.function_data.method_definitions[name].CopyFrom(method)
        answer.function_data.ranked_functions.add(rank=0).function.CopyFrom(given)
        return answer


def deploy(
    file: Path, home: Path, *, command: Sequence[str] | None = None, **env: str
) -> tuple[int, str, list[tuple[str, object]]]:
    """Run `modal deploy file`, or `command`, against a control plane of its own.

    Exit code, what it printed, what it asked for.
    """

    async def run() -> tuple[int, str, list[tuple[str, object]]]:
        plane = ControlPlane()
        server = grpclib.server.Server([plane])
        await server.start("127.0.0.1", 0)
        port = server._server.sockets[0].getsockname()[1]
        account = {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{port}",
            "MODAL_TOKEN_ID": "ak-nobody",
            "MODAL_TOKEN_SECRET": "as-nobody",
            "MODAL_CONFIG_PATH": str(home / "modal.toml"),
            "PYTHONPATH": str(file.parent),
            "TERM": "dumb",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAM2_", "MODAL_"))}
        process = await asyncio.create_subprocess_exec(
            *(command or (sys.executable, "-m", "modal", "deploy", str(file))),
            env={**kept, **account, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 120)
        server.close()
        return process.returncode or 0, printed.decode(), plane.asked

    return asyncio.run(run())


class Deployment(ControlPlane):
    """A control plane with one deployed app, whose method `answer` is a function here.

    app: its name. answer: called with what the client sent; what it returns or raises travels as Modal's do. url: where
    large arguments are put, as Modal has a bucket for them.
    """

    def __init__(self, app: str, answer: Callable[..., object]) -> None:
        super().__init__()
        self.app, self.answer, self.url, self.blobs = app, answer, "", {}
        self._calls: dict[str, object] = {}

    def _reply(self, name: str, asked: object, reply: type) -> object:
        match name:
            case "ClassGet" | "FunctionGet" if asked.app_name != self.app:
                raise grpclib.GRPCError(grpclib.const.Status.NOT_FOUND, "no such app")
            case "ClassGet":
                return reply(class_id="cs-1", handle_metadata=api_pb2.ClassHandleMetadata())
            case "FunctionGet":
                kind = api_pb2.Function.FUNCTION_TYPE_FUNCTION
                method = api_pb2.FunctionHandleMetadata(
                    function_name="SAM2.answer", function_type=kind, is_method=True, use_method_name="answer"
                )
                whole = api_pb2.FunctionHandleMetadata(function_name="SAM2.*", function_type=kind)
                whole.method_handle_metadata["answer"].CopyFrom(method)
                answer = reply(function_id="fu-1", handle_metadata=whole)
                answer.function.ranked_functions.add(rank=0)
                return answer
            case "BlobCreate":
                blob = self._new("bl")
                return reply(blob_ids=[blob], upload_urls=api_pb2.UploadUrlList(items=[f"{self.url}/{blob}"]))
            case "FunctionMap":
                call = self._new("fc")
                (item,) = asked.pipelined_inputs
                self._calls[call] = item.input
                sent = api_pb2.FunctionPutInputsResponseItem(idx=0, input_id=f"in-{call}")
                return reply(function_call_id=call, pipelined_inputs=[sent])
            case "FunctionGetOutputs":
                return self._output(asked, reply)
            case _:
                return super()._reply(name, asked, reply)

    def _output(self, asked: object, reply: type) -> object:
        given = self._calls[asked.function_call_id]
        args, kwargs = pickle.loads(self.blobs[f"/{given.args_blob_id}"] if given.args_blob_id else given.args)
        done = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
        start = time.monotonic()
        try:
            done.data = pickle.dumps(self.answer(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whatever it raises travels
            done.status, done.exception = api_pb2.GenericResult.GENERIC_STATUS_FAILURE, repr(error)
            done.data = pickle.dumps(error)
        if time.monotonic() - start > asked.timeout:
            return reply(num_unfinished_inputs=1)
        item = api_pb2.FunctionGetOutputsItem(result=done, data_format=api_pb2.DATA_FORMAT_PICKLE)
        return reply(outputs=[item])


@contextmanager
def deployed(app: str, answer: Callable[..., object]) -> Iterator[tuple[str, Deployment]]:
    """A `Deployment` on loopback, in a thread of its own: the address to set MODAL_SERVER_URL to, and itself."""
    plane = Deployment(app, answer)

    class Bucket(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            data = plane.blobs[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("ETag", hashlib.md5(data, usedforsecurity=False).hexdigest())
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    bucket = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=bucket.serve_forever, args=(0.02,), daemon=True).start()
    plane.url = f"http://127.0.0.1:{bucket.server_port}"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_listen(plane), loop).result(30)
    try:
        yield f"http://127.0.0.1:{server._server.sockets[0].getsockname()[1]}", plane
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        bucket.shutdown()
        bucket.server_close()


async def _listen(plane: ControlPlane) -> grpclib.server.Server:
    server = grpclib.server.Server([plane])
    await server.start("127.0.0.1", 0)
    return server
