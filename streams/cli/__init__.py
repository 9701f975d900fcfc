"""`cityops`: the one front door. Commands are imported when they are called, so that --help is quick."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

# name: (module with `command`, one line for --help). In the order a newcomer needs them.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("streams.cli.up", "Start everything: broker, workers, API and console, demo simulators."),
    "doctor": ("streams.cli.doctor", "Check ports, disk, Java, broker, topics and lag; say what to do."),
    "broker": ("streams.cli.broker", "Run the embedded Kafka broker alone."),
    "topics": ("streams.cli.topics", "Create, list or delete topics."),
    "worker": ("streams.cli.worker", "Run one worker: packer, detect or alerts."),
    "api": ("streams.cli.api", "Run the HTTP API and console."),
    "db": ("streams.cli.db", "The API's database: upgrade, backup, restore, rebuild from the log."),
    "users": ("streams.cli.users", "Accounts of the console and the API."),
    "tokens": ("streams.cli.tokens", "Tokens of devices (send readings) and of other systems (scopes)."),
    "audit": ("streams.cli.audit", "Who did what: check the hash chain, write it out."),
    "simulate": ("streams.cli.simulate", "Run the demo simulators of the four domains."),
    "record": ("streams.cli.record", "Readings from Kafka into a Parquet file, to replay and backtest."),
    "replay": ("streams.cli.replay", "Send a recording through Kafka and the detectors, as its own run."),
    "backtest": ("streams.cli.backtest", "Judge a recording in this process, without Kafka, and list its alerts."),
    "score": ("streams.cli.score", "Score an alert log against truth: recall, precision, delay, false alarms, place."),
    "compare": ("streams.cli.compare", "Which alerts appear, vanish or move between two logs or two profiles."),
    "truth": ("streams.cli.truth", "Truth to score against: officers' verdicts as a file."),
    "drill": ("streams.cli.drill", "Exercises: a night burst through all four levels, with its timeline."),
    "detect-stream": ("streams.cli.detect_stream", "Score a CSV stream on stdin with one detector."),
    "intake": ("streams.cli.intake", "Bridges from the devices' own protocols: MQTT."),
    "rejects": ("streams.cli.rejects", "Refused messages: list, show, send again when mended."),
    "sensors": ("streams.cli.sensors", "The registry of sensors and zones."),
    "assets": ("streams.cli.assets", "Assets: import, export, show by any code, QR labels."),
    "fences": ("streams.cli.fences", "Geofences: list, create, change, remove, ask what they would do."),
    "profiles": ("streams.cli.profiles", "Profiles of the detectors: list, check a file, put it in force."),
    "duty": ("streams.cli.duty", "Duty: import, who is on duty, check, swap."),
    "policies": ("streams.cli.policies", "Escalation policies: show in words, check a file, put it in force."),
    "geo": ("streams.cli.geo", "Places and administrative units."),
    "config": ("streams.cli.config", "Settings in force, their check, their reference page."),
    "bench": ("streams.cli.bench", "Measure speed, latency and accuracy."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and help line, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (module, _) in COMMANDS.items() if _exists(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = COMMANDS[cmd_name][0]
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name == module:
                raise click.UsageError(f"`cityops {cmd_name}` is not part of this installation") from None
            raise click.ClickException(
                f"`cityops {cmd_name}` needs the Python package {error.name}: run `make env` again"
            ) from None
        command: click.Command = found.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _exists(module: str) -> bool:
    return os.path.exists(os.path.join(os.path.dirname(__file__), module.rpartition(".")[2] + ".py"))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="cityops", prog_name="cityops")
def cli() -> None:
    """City operations event-stream processor: sensors to detections to alerts to the person who must act.

    Start with `cityops up`. Every command runs alone against an existing Kafka with --broker host:port; all
    settings are in docs/settings.md. Exit codes: 0 done, 1 failed while running, 2 bad input or usage,
    130 a job was interrupted.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the console script; never shows a traceback for an error a person can mend."""
    args = list(sys.argv[1:] if argv is None else argv)
    sys.exit(run(args))


def run(args: list[str]) -> int:
    """Run one command; returns the exit code. Errors become one sentence on stderr."""
    from streams.errors import CityopsError, explain
    from streams.settings import SettingError

    try:
        result: Any = cli.main(args=args, prog_name="cityops", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "cityops"
        return _tell(where, f"{error.format_message().rstrip('.')} (see `{where} --help`)", 2)
    except click.ClickException as error:
        return _tell("cityops", error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output went away: no noise at exit
        return 0
    except CityopsError as error:
        return _tell(_named(args), str(error), error.exit_code)
    except SettingError as error:
        return _tell(_named(args), str(error), 2)
    except OSError as error:
        if error.errno is None:
            raise
        told = explain(error)
        return _tell(_named(args), str(told), told.exit_code)


def _named(args: list[str]) -> str:
    return "cityops " + args[0] if args and args[0] in COMMANDS else "cityops"


def _tell(who: str, text: str, code: int) -> int:
    print(f"{who}: {' '.join(text.split())}", file=sys.stderr)
    return code
