"""``lakeserve completion``: what makes a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_LAKESERVE_COMPLETE"
WHERE = {
    "bash": 'eval "$(lakeserve completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(lakeserve completion zsh)" in ~/.zshrc',
    "fish": "lakeserve completion fish | source in ~/.config/fish/config.fish",
}


@click.command(name="completion")
@click.argument("shell", type=click.Choice(list(WHERE)))
def command(shell: str) -> None:
    """Print a script that makes SHELL complete commands and options.

    Put one line into your shell's start file: eval "$(lakeserve completion bash)",
    eval "$(lakeserve completion zsh)", or lakeserve completion fish | source.
    """
    from lakeserve.cli.main import cli

    completing = get_completion_class(shell)
    if completing is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    script = completing(cli, {}, "lakeserve", VARIABLE).source()
    click.echo(f"# {WHERE[shell]}")
    click.echo(script, nl=False)
