"""Groups of commands of which one may be left out."""

from __future__ import annotations

import click


class WithDefault(click.Group):
    """`cerebro export US` is `cerebro export publish US`: no country is called like a command of the group."""

    default = ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click, with the default where the first word is no command of ours."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


def with_default(name: str) -> type[WithDefault]:
    """A group of which the command `name` may be left out."""
    return type(f"Default{name.title()}", (WithDefault,), {"default": name})
