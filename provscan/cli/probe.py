"""``provscan probe``: ask a language model for licensed tweets, and for tweets that it cannot have seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import option

experiment, rule, of_endpoint, of_budget = (
    partial(option, group=name) for name in ("Experiment", "What counts", "Endpoint", "Budget")
)

# Options that say how an endpoint is asked.
OF_ENDPOINT = ("key_env", "concurrency", "timeout", "attempts")


@click.group("probe")
def command() -> None:
    """Ask a language model for licensed tweets, and for tweets that it cannot have seen.

    \b
    provscan probe plan --control-after 2024-06-01 -o PROBE     which tweets, which prompts: written before asking
    provscan probe run PROBE --endpoint URL --model NAME        ask a model; --hf PATH asks a local one
    provscan probe score PROBE                                  compare, estimate, write the report
    """


@command.command("plan", cls=cli.GroupedCommand)
@cli.index_option("--index", "-i", help="Index of the licensed tweets.")
@option("--out", "-o", required=True, type=cli.Local(path_type=Path), help="Folder for the probe.")
@option(
    "--control-after",
    metavar="DATE",
    help="The model cannot have seen tweets of this day or later; those of the index are the controls.",
)
@option(
    "--control",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Tweets that the model cannot have seen for another reason. Can be repeated.",
)
@option(
    "--reference",
    type=cli.Local(path_type=Path),
    metavar="PATH",
    help="Folder of a Hugging Face model that has not seen the tweets; the arms are matched on how predictable they "
    "are to it as well.",
)
@experiment("--pairs", type=int, metavar="N", show_default="400", help="Licensed tweets to ask for.")
@experiment(
    "--samples",
    type=int,
    metavar="N",
    show_default="4",
    help="Answers to each prompt: one at temperature 0, the others at --temperature.",
)
@experiment("--temperature", type=float, show_default="1", help="Temperature of the other answers.")
@experiment(
    "--style",
    type=click.Choice(["chat", "completion"]),
    show_default="chat",
    help="Whether the model follows instructions or goes on with a text.",
)
@experiment(
    "--prompts",
    multiple=True,
    type=click.Choice(["prefix", "opening", "masked"]),
    help="Kinds of prompt: half of the words; author, day and first words; all but a stretch. Can be repeated.  "
    "[default: all that the style allows]",
)
@experiment("--free", type=int, metavar="N", show_default="0", help="Answers to a prompt that names no tweet.")
@experiment("--seed", type=int, metavar="N", show_default="1", help="Seed for all random choices.")
@rule("--min-words", type=int, show_default="8", help="Words that must be recited, or ...")
@rule("--min-chars", type=int, show_default="40", help="... characters, of the canonical text.")
@rule("--min-bits", type=float, show_default="50", help="How rare the recited wording must be.")
@rule("--threshold", type=float, show_default="0.5", help="Minimum similarity of the recited span.")
@rule("--min-containment", type=float, show_default="0.8", help="Minimum share of the target in it.")
@rule(
    "--max-auc",
    type=float,
    show_default="0.6",
    help="Upper limit of how well the two arms may be told apart without the model; beyond it nothing is claimed.",
)
@cli.without_segment
@cli.as_json
def plan(
    index: str,
    out: Path,
    control_after: str | None,
    control: tuple[str, ...],
    reference: Path | None,
    without_segment: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Draw the tweets and their controls, and write the plan before anything is asked."""
    import provscan
    from provscan.cli import show
    from provscan.probe import Settings, make_plan
    from provscan.report.probe_tables import plan_table

    chosen = cli.given(**options)
    if "prompts" in chosen:
        chosen["prompts"] = tuple(chosen["prompts"])
    controls: dict[str, Any] = {"control_after": control_after, "control": list(control), "reference": reference}
    opened = provscan.open_index(index, **cli.given(without_segment=without_segment))
    made = make_plan(opened, out, Settings(**chosen), **controls)
    about = {name: value for name, value in made.content.items() if name != "pairs"}
    found = {"probe": str(out), "digest": made.digest, **about}
    show.result(found, as_json, lambda _: plan_table(out, made.digest, about, sum(1 for _ in made.questions())))


@command.command("run", cls=cli.GroupedCommand)
@click.argument("probe", metavar="PROBE", type=cli.Local(path_type=Path))
@of_endpoint("--endpoint", metavar="URL", help="An endpoint that speaks the protocol of OpenAI.")
@of_endpoint("--model", metavar="NAME", help="Name of the model there.")
@option("--hf", type=cli.Local(path_type=Path), metavar="PATH", help="Folder of a Hugging Face model to ask instead.")
@of_endpoint(
    "--key-env",
    metavar="NAME",
    show_default="OPENAI_API_KEY",
    help="Environment variable that holds the key; it is written nowhere.",
)
@of_endpoint("--concurrency", type=click.IntRange(min=1), show_default="4", help="Questions asked at a time.")
@of_endpoint("--timeout", type=float, show_default="120", metavar="SECONDS", help="Wait for an answer.")
@of_endpoint(
    "--attempts",
    type=click.IntRange(min=1),
    show_default="8",
    help="How often a question is sent before it is left unanswered.",
)
@of_budget("--max-tokens", type=int, metavar="N", help="Tokens of all prompts and answers together.")
@of_budget("--max-dollars", type=float, metavar="X", help="Money; needs --price-in and --price-out.")
@of_budget("--price-in", type=float, metavar="X", help="Dollars for a million tokens of prompts.")
@of_budget("--price-out", type=float, metavar="X", help="Dollars for a million tokens of answers.")
@cli.as_json
@cli.quiet
def run(
    probe: Path, endpoint: str | None, model: str | None, hf: Path | None, as_json: bool, quiet: bool, **options: Any
) -> None:
    """Ask a model all that the plan has and that is not answered yet.

    Answers are kept as they came. An interrupted run goes on where it was. The status is 1 if the budget ended the run,
    and 3 if questions got no answer after all attempts: both go on with the same command.
    """
    from provscan import probe as probes
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.errors import UsageError
    from provscan.probe.endpoint import Endpoint, EndpointOptions
    from provscan.probe.local import Local
    from provscan.probe.run import Budget

    if (hf is None) == (endpoint is None) or (endpoint is None) != (model is None):
        raise UsageError("give either --endpoint and --model, or --hf")
    if hf is not None and (unused := cli.given(**{name: options[name] for name in OF_ENDPOINT})):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        raise UsageError(f"a model on this machine is not asked through an endpoint: leave out {names}")
    if (options["price_in"] is None) != (options["price_out"] is None):
        raise UsageError("prompts and answers are paid for: give both --price-in and --price-out, or neither")
    settings = probes.open_plan(probe).settings
    prices = (options.pop("price_in") or 0.0, options.pop("price_out") or 0.0)
    budget = Budget(options.pop("max_tokens"), options.pop("max_dollars"), prices)
    if hf is not None:
        asked: Any = Local(hf, settings.style, settings.temperature)
    else:
        asked = Endpoint(str(endpoint), str(model), settings.style, EndpointOptions(**cli.given(**options)))
    with progress(quiet) as watcher:
        done = probes.run(probe, asked, budget=budget, progress=watcher)
    show.result(done, as_json, _done)
    if done["failed"]:
        cli.echo(f"provscan: {done['failed']:,} questions got no answer: run the same command again.", err=True)
        click.get_current_context().exit(cli.UNUSABLE)
    if done["left"]:
        cli.echo(f"provscan: the budget is spent; {done['left']:,} questions were not asked.", err=True)
        click.get_current_context().exit(cli.GATE_CROSSED)


def _done(done: dict[str, Any]) -> Iterator[str]:
    yield f"{done['answered']:,} of {done['questions']:,} questions are answered, {done['refused']:,} by a refusal."
    if done["without"]:
        without = ", ".join(f"{name} ({count:,} answers)" for name, count in done["without"].items())
        yield f"Not accepted by the endpoint, and left out: {without}."
    money = "" if done["dollars"] is None else f", ${done['dollars']:.2f}"
    yield f"Used: {done['prompt_tokens']:,} tokens of prompts, {done['answer_tokens']:,} of answers{money}."


@command.command("score", cls=cli.GroupedCommand)
@click.argument("probe", metavar="PROBE", type=cli.Local(path_type=Path))
@cli.index_option("--index", "-i", help="Index of the licensed tweets; read if answers name no tweet (--free).")
@cli.without_segment
@cli.as_json
def score(probe: Path, index: str, without_segment: tuple[str, ...], as_json: bool) -> None:
    """Compare the answers with the tweets, estimate, and write the report."""
    import provscan
    from provscan import probe as probes
    from provscan.cli import show
    from provscan.report.probe_page import write_probe_report
    from provscan.report.probe_tables import probe_table

    opened = None
    if probes.open_plan(probe).settings.free:
        opened = provscan.open_index(index, **cli.given(without_segment=without_segment))
    summary = probes.score(probe, opened, render=write_probe_report)
    report = f"The report: {probe / 'report.html'}"
    show.result({"probe": str(probe), **summary}, as_json, lambda found: [probe_table(found), report])
