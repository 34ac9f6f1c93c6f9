"""A stand-in for Modal's control plane on loopback: it agrees to everything and remembers what it was asked.

Built on the service definition that the `modal` wheel ships, so that the real `modal deploy` runs against it without an
account. It proves what a deployment asks for; not that Modal would build or accept it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

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
                    await stream.send_message(self._reply(name, asked, given.reply_type))

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


def deploy(file: Path, home: Path, **env: str) -> tuple[int, str, list[tuple[str, object]]]:
    """Run `modal deploy file` against a control plane of its own: exit code, what it printed, what it asked for."""

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
            *(sys.executable, "-m", "modal", "deploy", str(file)),
            env={**kept, **account, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await asyncio.wait_for(process.communicate(), 120)
        server.close()
        return process.returncode or 0, printed.decode(), plane.asked

    return asyncio.run(run())
