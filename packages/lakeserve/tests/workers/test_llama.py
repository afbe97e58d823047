from pathlib import Path

from lakeserve.core.endpoints import Address
from lakeserve.workers.llama import LlamaProgram


def test_a_program_reads_what_it_wrote() -> None:
    program = LlamaProgram(Path("/m.gguf"), 'ä "m"', "embedding", 2, 3, 4, 512)
    assert LlamaProgram.from_json(program.to_json()) == program


def test_the_command_names_the_socket() -> None:
    program = LlamaProgram(Path("/m.gguf"), "m", "chat")
    command = program.command(Address(uds="/run/w.sock"))
    assert command[1:5] == ["-m", "lakeserve.workers.serve", "--socket", "/run/w.sock"]
    assert LlamaProgram.from_json(command[6]) == program
    assert "--listen" in program.command(Address(host="127.0.0.1", port=81))
    assert (program.listens, program.environment()) == ("either", {})
