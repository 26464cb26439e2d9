"""``provscan probe``: ask a language model for licensed tweets, and for tweets that it
can't have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option

if TYPE_CHECKING:
    from provscan.probe import Plan

experiment_option = partial(option, group="Experiment")
model_option = partial(option, group="Model")


@click.group("probe", cls=shared.Group)
def command() -> None:
    """Probe a language model for memorised licensed tweets.

    As a control, the model is also asked for tweets that it can't have seen.

    \b
    provscan probe plan --control-after 2024-06-01 -o PROBE
        choose the tweets and prompts, before the model is asked anything
    provscan probe run PROBE --endpoint URL --model NAME
        ask a model at an endpoint
    provscan probe score PROBE
        compare the answers with the tweets, and write the report
    """


@command.command("plan")
@shared.index_option("--index", "-i", help="Index of the licensed tweets.")
@shared.out_option(
    required=True,
    help="Folder for the probe.",
)
@option(
    "--control-after",
    metavar="DATE",
    help="Use the tweets of the index that were posted from this day on as controls; "
    "the model can't have seen them.",
)
@option(
    "--control",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="File of tweets to use as controls; the model can't have seen them, for a "
    "reason other than their date. Can be repeated.",
)
@shared.path_option(
    "--reference",
    metavar="FILE",
    help="File of JSON lines with the id and the logprob of each tweet, its "
    "log-probability under a model that has not seen the tweets. Licensed tweets and "
    "controls are then also matched by it.",
)
@experiment_option(
    "--pairs",
    type=int,
    metavar="N",
    show_default="400",
    help="Number of licensed tweets to ask for, each with a control.",
)
@experiment_option(
    "--style",
    type=click.Choice(["chat", "completion"]),
    show_default="chat",
    help="chat for a model that follows instructions, completion for one that "
    "continues a text.",
)
@shared.overwrite_folder
@shared.as_json
def plan(
    index: Path,
    out: Path,
    control_after: str | None,
    control: tuple[str, ...],
    reference: Path | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw tweets and controls, and write the plan of the probe.

    The plan is complete before the model is asked anything.
    """
    import provscan
    from provscan.probe import Settings, make_plan

    settings = shared.given(**options)
    controls: dict[str, Any] = {
        "control_after": control_after,
        "control": list(control),
        "reference": reference,
        "overwrite": overwrite,
    }
    opened = provscan.open_index(index)
    made = make_plan(opened, out, Settings(**settings), **controls)
    planned(made, as_json)


def planned(plan: Plan, as_json: bool, *, verbose: bool = False) -> None:
    """Show a plan, with all of its numbers if ``verbose`` is true."""
    from provscan.cli import show
    from provscan.probe.report import plan_table

    about = {name: value for name, value in plan.content.items() if name != "pairs"}
    found = {"probe": str(plan.path), "digest": plan.digest, **about}
    questions = sum(1 for _ in plan.questions())
    show.result(
        found,
        as_json,
        lambda _: plan_table(plan.path, plan.digest, about, questions, verbose=verbose),
    )


@command.command("run")
@shared.path_argument("probe", "PROBE")
@model_option(
    "--endpoint",
    metavar="URL",
    required=True,
    help="Endpoint with an OpenAI-compatible API, such as http://localhost:8000/v1.",
)
@model_option(
    "--model",
    metavar="NAME",
    required=True,
    help="Name of the model at the endpoint.",
)
@model_option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="4",
    help="Number of questions sent at the same time.",
)
@option(
    "--max-tokens",
    type=int,
    metavar="N",
    help="Stop before prompts and answers exceed N tokens. Requests for which the "
    "endpoint returns no count are counted with an upper bound.",
)
@shared.as_json
def run(
    probe: Path,
    endpoint: str,
    model: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Ask a model the unanswered questions of the plan.

    The environment variable OPENAI_API_KEY contains the key of the endpoint. Repeat the
    command to continue an interrupted run. The exit status is 1 if the budget ended the
    run, and 3 if a question got no answer after all attempts.
    """
    from provscan import probe as probes
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.names import counted
    from provscan.probe.endpoint import Endpoint, EndpointOptions
    from provscan.probe.run import Budget

    settings = probes.open_plan(probe).settings
    budget = Budget(options.pop("max_tokens"))
    source = Endpoint(
        endpoint, model, settings.style, EndpointOptions(**shared.given(**options))
    )
    with progress() as watcher:
        done = probes.run(probe, source, budget=budget, progress=watcher)
    show.result(done, as_json, partial(_done, probe))
    if done["failed"]:
        cli.echo(
            f"provscan: {counted(done['failed'], 'question')} got no answer: repeat "
            "the command to continue.",
            err=True,
        )
        click.get_current_context().exit(cli.UNUSABLE)
    if done["left"]:
        cli.echo(
            f"provscan: the budget is spent, with {counted(done['left'], 'question')} "
            "not asked: repeat the command with a larger budget.",
            err=True,
        )
        click.get_current_context().exit(cli.GATE_CROSSED)


def _done(probe: Path, done: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    yield (
        f"{done['answered']:,} of {done['questions']:,} questions were answered, "
        f"{done['refused']:,} of them with a refusal."
    )
    if done["without"]:
        without = ", ".join(
            f"{name} ({counted(count, 'answer')})"
            for name, count in done["without"].items()
        )
        yield (
            "The endpoint did not accept some settings, so questions were asked "
            f"without them: {without}."
        )
    yield (
        f"Used: {done['prompt_tokens']:,} tokens in prompts, {done['answer_tokens']:,} "
        f"in answers."
    )
    if done["estimated_tokens"]:
        yield (
            f"Of these, {done['estimated_tokens']:,} are upper bounds, since the "
            "endpoint returned no count or no answer."
        )
    if done["answered"] == done["questions"]:
        yield f"Next: provscan probe score {probe}"


@command.command("score")
@shared.path_argument("probe", "PROBE")
@shared.as_json
def score(probe: Path, as_json: bool) -> None:
    """Compare answers with tweets, and write the report."""
    from provscan import probe as probes
    from provscan.cli import show
    from provscan.probe.report import probe_table

    summary = probes.score(probe)
    report = f"Report: {probe / 'report.html'} (more: provscan info {probe})"
    show.result(
        {"probe": str(probe), **summary},
        as_json,
        lambda found: [probe_table(found), report],
    )
