"""`antifraud`: the one command, for people and for Airflow alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from jobs.core.errors import LakeBusy, UserError
from jobs.core.settings import Settings, load_settings
from jobs.pipeline import STAGE_NAMES, STAGE_TITLES

EX_TEMPFAIL = 75
DAY = click.DateTime(["%Y-%m-%d"])


def say(text: str) -> None:
    """Progress goes to standard error, so that what a command prints can be piped."""
    click.echo(text, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file; antifraud.toml in this folder unless given."
)
@click.version_option(package_name="antifraud", prog_name="antifraud")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Join the feeds of four agencies into one fraud-entity graph and keep an accountable blacklist.

    Settings come from antifraud.toml and from environment variables (ANTIFRAUD_LAKE=… and so on).
    """
    context.obj = lambda: load_settings(config)


def _places(function: Callable[..., Any]) -> Callable[..., Any]:
    for name, text in (
        ("releases", "Folder of the releases."), ("lake", "Folder of the Delta tables."), ("landing", "Folder that agencies deliver into."),
    ):  # fmt: skip
        function = click.option(f"--{name}", metavar="DIR", help=text)(function)
    return function


def _settings(context: click.Context, **changes: Any) -> Settings:
    settings: Settings = context.obj()
    return settings.with_changes(**changes)


@cli.command()
@click.option("--date", "on", type=DAY, required=True, help="Business date of the night, YYYY-MM-DD.")
@click.option("--from", "since", type=DAY, help="Run every night from this date on, in one Spark application.")
@_places
@click.pass_context
def night(
    context: click.Context,
    on: datetime,
    since: datetime | None,
    landing: str | None,
    lake: str | None,
    releases: str | None,
) -> None:
    """Run a whole night in one Spark application."""
    from jobs.core.runner import run_nights
    from jobs.world import WORLD

    settings = _settings(context, landing=landing, lake=lake, releases=releases)
    dates = _dates(since.date() if since else on.date(), on.date())
    results = run_nights(settings, dates, WORLD, say)
    _tell_end(settings, results[-1].notes if results else [])


def _dates(first: date, last: date) -> list[date]:
    if last < first:
        raise UserError(f"--from {first} is after --date {last}; give them in order")
    return [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]


def _tell_end(settings: Settings, notes: Sequence[str]) -> None:
    from jobs.demo import where_things_are

    for note in notes:
        click.echo(f"  {note}")
    click.echo(where_things_are(settings))


@cli.command(
    help="Run one stage of a night, after those before it: "
    + "; ".join(f"{n}: {STAGE_TITLES[n]}" for n in STAGE_NAMES)
    + "."
)
@click.argument("stage", type=click.Choice(STAGE_NAMES))
@click.option("--date", "on", type=DAY, required=True, help="Business date of the night, YYYY-MM-DD.")
@_places
@click.pass_context
def run(
    context: click.Context, stage: str, on: datetime, landing: str | None, lake: str | None, releases: str | None
) -> None:
    from jobs.core.runner import run_stage
    from jobs.world import WORLD

    run_stage(_settings(context, landing=landing, lake=lake, releases=releases), stage, on.date(), WORLD, say)


@cli.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for the world: landing/ and truth/."
)
@click.option(
    "--people", type=click.IntRange(min=1), default=20_000, show_default=True, help="How many people live in it."
)
@click.option(
    "--nights", type=click.IntRange(min=1), default=3, show_default=True, help="How many nights of deliveries."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--start", type=DAY, default="2026-10-01", show_default=True, help="Business date of the first night.")
@click.option(
    "--knob",
    "turned",
    multiple=True,
    metavar="NAME=VALUE",
    help="Turn one of the world's rates, from 0 to 1; see jobs/simulate/knobs.py.",
)
@click.pass_context
def simulate(
    context: click.Context, out: Path, people: int, nights: int, seed: int, start: datetime, turned: tuple[str, ...]
) -> None:
    """Make a fraud world: the four agencies' deliveries, with the truth beside them."""
    from jobs.core.contracts import load_codes, load_contracts
    from jobs.simulate.job import simulate as make
    from jobs.simulate.knobs import turn_knobs

    schemas = _settings(context).schemas_dir
    made = make(
        out,
        people,
        nights,
        seed,
        start.date(),
        contracts=load_contracts(schemas),
        codes=load_codes(schemas),
        say=say,
        knobs=turn_knobs(turned),
    )
    click.echo(
        f"{made.deliveries} deliveries with {made.records:,} records in {made.landing}; the truth in {made.truth}"
    )


@cli.command()
@click.argument("feed")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--date", "on", type=DAY, help="Business date of the delivery; today unless given.")
@click.option(
    "--mode", type=click.Choice(["delta", "snapshot"]), help="The first that the contract names unless given."
)
@click.option("--produced-at", help="When the file was fetched, with an offset; now unless given.")
@click.option("--landing", metavar="DIR", help="Folder that agencies deliver into.")
@click.pass_context
def land(
    context: click.Context,
    feed: str,
    files: tuple[Path, ...],
    on: datetime | None,
    mode: str | None,
    produced_at: str | None,
    landing: str | None,
) -> None:
    """Turn FILES, as their publisher publishes them, into a delivery of FEED (agency/feed)."""
    from jobs.core.contracts import load_codes, load_contracts
    from jobs.land.job import land as make

    settings = _settings(context, landing=landing)
    try:
        at = datetime.fromisoformat(produced_at) if produced_at else None
    except ValueError:
        raise UserError(f"--produced-at {produced_at}: not a time; write it as 2026-11-22T18:00:00+08:00") from None
    schemas = settings.schemas_dir
    make(
        feed, files, landing=Path(settings.landing), business_date=on.date() if on else date.today(), contracts=load_contracts(schemas),  # noqa: DTZ011
        codes=load_codes(schemas), mode=mode, produced_at=at, say=click.echo,
    )  # fmt: skip


@cli.command()
@click.argument("cases", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--policy", metavar="FILE", help="Play them with this policy instead of the settings' own.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the lakes in this folder, to look into.")
@click.pass_context
def rehearse(context: click.Context, cases: tuple[Path, ...], policy: str | None, keep: Path | None) -> None:
    """Play CASES (YAML files or folders) through the real pipeline and say where the outcome differs. No live table is opened."""
    from jobs.rehearse.play import rehearse as play

    results = play(cases, _settings(context), policy, say, keep=keep)
    for result in results:
        click.echo(
            f"{'ok  ' if result.is_ok else 'FAIL'}  {result.case}  ({result.n_nights} nights, {result.n_expected} expectations)"
        )
        for difference in result.differences:
            click.echo(f"        {difference}")
        for remark in result.remarks:
            click.echo(f"        note: {remark}")
    failed = sum(not result.is_ok for result in results)
    click.echo(f"{len(results) - failed} of {len(results)} cases as expected")
    if failed:
        context.exit(1)


@cli.command()
@click.option("--policy", metavar="FILE", required=True, help="The candidate: a file, or a name in schemas/policy.")
@click.option("--lake", metavar="DIR", help="Folder of the Delta tables.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every row into this CSV file too.")
@click.pass_context
def shadow(context: click.Context, policy: str, lake: str | None, out: Path | None) -> None:
    """Run a candidate policy on the last night beside the live one: who would enter, move and leave. No table is changed."""
    from jobs.shadow.run import shadow as play
    from jobs.shadow.show import render, write_rows

    found = play(_settings(context, lake=lake), policy, say)
    click.echo(render(found))
    if out:
        write_rows(found, out)


@cli.command()
@click.option("--truth", type=click.Path(path_type=Path), required=True, help="Folder of the truth that simulate made.")
@click.option("--lake", metavar="DIR", help="Folder of the Delta tables.")
@click.option("--date", "on", type=DAY, help="Business date of a committed night; the newest unless given.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Write the figures to this file too.")
@click.option("--gate", is_flag=True, help="End with exit code 1 when something that must hold does not.")
@click.pass_context
def score(
    context: click.Context, truth: Path, lake: str | None, on: datetime | None, out: Path | None, gate: bool
) -> None:
    """Judge a committed night by a simulated truth: harm to innocents first, then what was missed and why."""
    from jobs.score.job import score as judge
    from jobs.score.render import render

    card = judge(_settings(context, lake=lake), truth, on.date() if on else None, out)
    click.echo(render(card))
    if gate and not card.passes:
        context.exit(1)


@cli.command()
@click.argument("agency")
@click.option("--date", "on", type=DAY, required=True, help="Business date, YYYY-MM-DD.")
@click.option("--landing", metavar="DIR", help="Folder that agencies deliver into.")
@click.pass_context
def landed(context: click.Context, agency: str, on: datetime, landing: str | None) -> None:
    """Show what AGENCY has delivered for a date; fails when an essential feed has not come."""
    from jobs.core.contracts import load_contracts
    from jobs.intake.landed import landed as look
    from jobs.intake.landed import render

    settings = _settings(context, landing=landing)
    arrivals = look(settings, agency, on.date(), load_contracts(settings.schemas_dir))
    click.echo(render(arrivals))
    if any(arrival.is_missing for arrival in arrivals):
        context.exit(1)


@cli.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Check contracts, code lists, policy, recipients, tables and expectations, and that the generated pages are current."""
    from jobs.checks.suites import load_suites
    from jobs.core.contracts import load_codes, load_contracts
    from jobs.core.schema import load_tables
    from jobs.core.settings import ROOT
    from jobs.identifiers.protect import load_protected
    from jobs.policy import load_policy
    from jobs.reference import stale_pages
    from jobs.releases.recipients import load_recipients

    settings = _settings(context)
    schemas = settings.schemas_dir
    contracts, codes = load_contracts(schemas), load_codes(schemas)
    policy, recipients = load_policy(schemas, settings.policy), load_recipients(schemas)
    load_protected(schemas / "policy" / "protected.yml", codes)
    tables = load_tables(schemas, contracts)
    suites = load_suites(Path(settings.expectations), contracts, tables, codes)
    pages = ROOT / "docs" / "reference"
    stale = stale_pages(schemas, pages) if pages.is_dir() else []
    if stale:
        raise UserError(f"docs/reference: not current: {', '.join(stale)}; run 'antifraud docs'")
    click.echo(
        f"{len(contracts)} feeds, {len(codes)} code lists, {len(tables)} tables, {len(recipients)} recipients, {suites.size} expectations, policy {policy.id} {policy.version}: all fit"
    )


@cli.command()
@click.pass_context
def docs(context: click.Context) -> None:
    """Write the generated pages, docs/reference, anew from the YAML."""
    from jobs.core.settings import ROOT
    from jobs.reference import write_reference

    for page in write_reference(_settings(context).schemas_dir, ROOT / "docs" / "reference"):
        click.echo(page)


@cli.command()
@click.option(
    "--people", type=click.IntRange(min=1), default=2_000, show_default=True, help="How many people live in the world."
)
@click.option("--nights", type=click.IntRange(min=1), default=2, show_default=True, help="How many nights.")
@click.pass_context
def demo(context: click.Context, people: int, nights: int) -> None:
    """Make a small world, run its nights, and show what came out. What is done already is not done again."""
    from jobs.demo import run_demo

    run_demo(_settings(context), people, nights, say, click.echo)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command: user errors are one sentence and exit code 2, a busy lake is exit code 75."""
    try:
        code = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        click.echo("antifraud: stopped", err=True)
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"antifraud: {error.format_message()} (see 'antifraud --help')", err=True)
        sys.exit(2)
    except LakeBusy as error:
        click.echo(f"antifraud: {error}", err=True)
        sys.exit(EX_TEMPFAIL)
    except UserError as error:
        click.echo(f"antifraud: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
