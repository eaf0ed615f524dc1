"""Drives `consona mcp` and `consona serve --mcp` with the official Python SDK (`pip install mcp`).

    python tests/mcp/official_sdk.py path/to/consona

Over both transports, and in the protocol's lifecycle with and without a handshake: schemas, every tool, progress,
cancellation, concurrent callers, paths outside. The SDK validates every structured result against its schema.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio
from mcp import Client, MCPError, StdioServerParameters

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"
TOOLS = ["consensus", "explain", "generate_personas", "merge_personas", "run_status"]
FIELDS = {"model", "stance", "status", "content", "error_message", "latency_ms"}


class Silent:
    """An endpoint that takes a call, never answers, and tells when it was called and when hung up."""

    def __init__(self):
        self.called = anyio.Event()
        self.hung_up = anyio.Event()

    async def serve(self, *, task_status):
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        task_status.started(listener.extra(anyio.abc.SocketAttribute.local_port))
        await listener.serve(self.take)

    async def take(self, stream):
        async with stream:
            try:
                await stream.receive()
                self.called.set()
                while True:
                    await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                if self.called.is_set():
                    self.hung_up.set()


def place(folder, port):
    """A study whose panel answers from recordings, but for one silent model; a run; a file outside."""
    allowed = folder / "allowed"
    allowed.mkdir()
    recordings = (DEMO / "recordings.jsonl").read_text() + (DEMO / "consultation.jsonl").read_text()
    (folder / "recordings.jsonl").write_text(recordings)
    shutil.copy(DEMO / "interviews.jsonl", folder)
    shutil.copy(DEMO / "study.yaml", folder)
    text = (DEMO / "study.yaml").read_text()
    silent = f'  - {{model: "vllm:silent", base_url: "http://127.0.0.1:{port}/v1"}}\n\nschema:'
    (folder / "silent.yaml").write_text(text.replace("\nschema:", silent, 1))
    (allowed / "notes.md").write_text("Visitors after eight: 41.")
    (folder / "secret.txt").write_text("canary")
    os.symlink(folder / "secret.txt", allowed / "link.txt")


def arguments(folder, study):
    return ["--panel", str(folder / study), "--allow", str(folder / "allowed"), "--state", str(folder / "state")]


@contextlib.contextmanager
def over_http(binary, folder, study):
    command = [binary, "serve", "--mcp", "--listen", "127.0.0.1:0", *arguments(folder, study)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            yield server.stderr.readline().strip().removeprefix("listening on ")
        finally:
            server.terminate()


@contextlib.contextmanager
def over_stdio(binary, folder, study):
    yield StdioServerParameters(command=binary, args=["mcp", *arguments(folder, study)])


async def ok(client, tool, given, progress=None):
    result = await client.call_tool(tool, given, progress_callback=progress)
    assert not result.is_error, result
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def refused(client, tool, given):
    try:
        result = await client.call_tool(tool, given)
    except MCPError as error:
        return str(error)
    assert result.is_error, result
    return result.content[0].text


async def schemas(client):
    assert client.server_info.name == "consona", client.server_info
    tools = (await client.list_tools()).tools
    assert sorted(tool.name for tool in tools) == TOOLS
    for tool in tools:
        assert tool.input_schema["additionalProperties"] is False and tool.output_schema["type"] == "object"


async def consensus(client):
    steps = []

    async def step(progress, total, message):
        steps.append((progress, total, message))

    voices = [{"model": "replay:aurora", "stance": "for"}, {"model": "replay:basalt", "stance": "against"}]
    found = await ok(client, "consensus", {"question": "Open until eleven?", "models": voices, "files": ["notes.md"]}, step)
    assert [set(result) for result in found["results"]] == [FIELDS, FIELDS]
    assert [result["stance"] for result in found["results"]] == ["for", "against"]
    assert found["agreement"]["claims"][0]["support"] == 2 and found["agreement"]["contradictions"]
    assert [(progress, total) for progress, total, _ in steps] == [(1, 2), (2, 2)], steps
    then = await ok(client, "consensus", {"question": "A trial?", "continuation_id": found["continuation_id"]})
    assert then["results"][0]["content"].startswith("Yes. A trial")
    failed = await client.call_tool("consensus", {"question": "Open?", "models": [{"model": "replay:cinder"}]})
    assert failed.is_error and failed.structured_content["errors"][0]["model"] == "replay:cinder"


async def personas(client):
    generated = await ok(client, "generate_personas", {"records": ["I come after the late shift."]})
    assert generated["status"] == "success" and generated["consensus"] >= 1
    merged = await ok(client, "merge_personas", {"files": ["run/drafts.jsonl"]})
    assert len(merged["personas"]) == len(generated["personas"])
    persona = merged["personas"][0]
    explained = await ok(client, "explain", {"run": "run", "persona": persona["persona_id"], "trait": "occupation"})
    assert list(explained["traits"]) == ["occupation"] and "occupation" in explained["explanation"]
    status = await ok(client, "run_status", {"run": "run"})
    assert (status["planned"], status["done"]) == (3, 3)


async def borders(client, folder):
    for path in [str(folder / "secret.txt"), "../secret.txt", "link.txt", "/etc/passwd"]:
        for tool, given in [
            ("consensus", {"question": "?!", "files": [path]}),
            ("generate_personas", {"files": [path]}),
            ("merge_personas", {"files": [path]}),
            ("explain", {"run": path, "persona": "x"}),
            ("run_status", {"run": path}),
        ]:
            assert "that this server may read" in await refused(client, tool, given), (tool, path)
    endpoint = {"question": "?!", "models": [{"model": "replay:aurora", "base_url": "http://evil.example"}]}
    assert "unknown field `base_url`" in await refused(client, "consensus", endpoint)
    assert "no model is called" in await refused(client, "consensus", {"question": "?!", "models": [{"model": "openai:x"}]})


async def callers(server, mode):
    """Two clients at the same time see their own answers and their own progress."""
    seen = {}

    async def caller(model):
        steps = []

        async def step(progress, total, message):
            steps.append(message)

        async with Client(server, mode=mode) as client:
            found = await ok(client, "consensus", {"question": "Open?", "models": [{"model": model}]}, step)
            seen[model] = ([result["model"] for result in found["results"]], steps)

    async with anyio.create_task_group() as group:
        for model in ["replay:aurora", "replay:basalt"]:
            group.start_soon(caller, model)
    for model, (models, steps) in seen.items():
        assert models == [model] and steps == [f"{model} answered"], seen


async def cancellation(server, mode, silent):
    async with Client(server, mode=mode) as client:
        async with anyio.create_task_group() as group:
            asked = {"question": "Anybody?", "models": [{"model": "vllm:silent"}]}
            group.start_soon(client.call_tool, "consensus", asked)
            await silent.called.wait()
            group.cancel_scope.cancel()
        with anyio.fail_after(30):
            await silent.hung_up.wait()
        await schemas(client)


async def drive(binary):
    for transport in (over_stdio, over_http):
        for mode in ("legacy", "auto"):
            with tempfile.TemporaryDirectory() as name:
                folder, silent = Path(name), Silent()
                async with anyio.create_task_group() as group:
                    port = await group.start(silent.serve)
                    place(folder, port)
                    run = ["run", str(folder / "study.yaml"), "--out", str(folder / "allowed/run"), "--quiet"]
                    subprocess.run([binary, *run], check=True)
                    with transport(binary, folder, "study.yaml") as server:
                        async with Client(server, mode=mode) as client:
                            await schemas(client)
                            await consensus(client)
                            await personas(client)
                            await borders(client, folder)
                            version = client.protocol_version
                        await callers(server, mode)
                    with transport(binary, folder, "silent.yaml") as server:
                        await cancellation(server, mode, silent)
                    group.cancel_scope.cancel()
            print(f"{transport.__name__}, {mode}, protocol {version}: all as promised")


if __name__ == "__main__":
    anyio.run(drive, sys.argv[1])
