"""Run a program's cases in processes of their own, several times, and report what they found together.

Arrays lie well or badly in memory for as long as a process runs, ours and those of the peers: what only moves memory
takes up to a third more or less for it. So the rounds of a case are shared among processes, and cases that these don't
decide, on whichever side of their target they are, get more of them.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rounds import GROUPS, state
from shared import add_outputs, cores, machine, machine_line, paste, table

Result = dict[str, Any]


@dataclass
class Report:
    """What the processes have said so far."""

    cases: list[Result] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)


def arguments(description: str | None, peers: Iterable[str], example: str) -> argparse.ArgumentParser:
    """The options that the programs share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", metavar="GLOB", help=f"cases whose name matches, such as '{example}'")
    parser.add_argument("--rounds", type=int, help="rounds of each case in each process (5)")
    parser.add_argument("--processes", type=int, help="processes, one after the other (3)")
    parser.add_argument(
        "--more", type=int, help="further processes for cases with a target between the quartiles of what was found (6)"
    )
    parser.add_argument("--quick", action="store_true", help="small arrays and few rounds, to see whether it works")
    parser.add_argument("--peers", default=",".join(peers), help=f"of these: {', '.join(peers)}; none for ours alone")
    parser.add_argument("--child", choices=GROUPS, help=argparse.SUPPRESS)
    parser.add_argument("--names", type=json.loads, help=argparse.SUPPRESS)  # the cases of --only that are left
    add_outputs(parser)
    return parser


def parsed(parser: argparse.ArgumentParser, peers: Iterable[str]) -> argparse.Namespace:
    """The options as they were given; one thread's cases are pinned to a core before any peer counts the cores."""
    options = parser.parse_args()
    unknown = set(options.peers.split(",")) - {*peers, "none"}
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    options.rounds = (3 if options.quick else 5) if options.rounds is None else options.rounds
    options.processes = (1 if options.quick else 3) if options.processes is None else options.processes
    options.more = (0 if options.quick else 6) if options.more is None else options.more
    if min(options.rounds, options.processes, options.more + 1) < 1:
        parser.error("--rounds and --processes must be at least 1, --more at least 0")
    if options.child == "single" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return options


def wanted(name: str, options: argparse.Namespace) -> bool:
    """Whether a case is one of those to run."""
    return fnmatch.fnmatch(name, options.only) and (options.names is None or name in options.names)


def say(what: Result) -> None:
    """What a process has to tell, as one line of JSON."""
    print(json.dumps(what), flush=True)


def child(file: str, group: str, options: argparse.Namespace, names: list[str] | None, *rest: str) -> Iterator[Result]:
    """What a process of its own finds for a group's cases, or those of these names."""
    environment = dict(os.environ)
    environment.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    if group == "single":
        for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "ACTSPEC"):
            environment[f"{name}_NUM_THREADS"] = "1"
        flags = environment.get("XLA_FLAGS", "")
        environment["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    command = [sys.executable, file, "--child", group, "--only", options.only, "--rounds", str(options.rounds)]
    command += ["--peers", options.peers, "--names", json.dumps(names), *["--quick"] * options.quick, *rest]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        yield {"stopped": f"the cases with {GROUPS[group]} ended early, with exit status {process.returncode}"}


def together(
    file: str, options: argparse.Namespace, finish: Callable[[list[Result]], Result], *rest: str
) -> Iterator[Result]:
    """What all processes find: each case as ``finish`` makes it of what each of them says of it."""
    for group in GROUPS:
        parts: dict[str, list[Result]] = {}
        yield from _sorted(parts, (child(file, group, options, None, *rest) for _ in range(options.processes)))
        found = {name: finish(each) for name, each in parts.items()}
        close = [name for name, each in found.items() if any(target.get("close") for target in each["targets"])]
        yield from (each for name, each in found.items() if name not in close)
        if close:
            yield from _sorted(parts, (child(file, group, options, close, *rest) for _ in range(options.more)))
            yield from (finish(parts[name]) for name in close)


def _sorted(parts: dict[str, list[Result]], children: Iterable[Iterator[Result]]) -> Iterator[Result]:
    """Sort what processes say of cases into ``parts``, by the cases' names; give what else they say."""
    for each in children:
        for result in each:
            if "case" in result:
                parts.setdefault(result["case"], []).append(result)
            else:
                yield result


def failures(parts: list[Result]) -> dict[str, str]:
    """Which peers were left out in one of the processes, and why."""
    return {peer: why for part in parts for peer, why in part["failed"].items()}


def publish(
    options: argparse.Namespace,
    mark: str,
    results: Iterable[Result],
    text: Callable[[Result], str],
    markdown: Callable[[Result], str],
) -> None:
    """Print what is found as it comes, or all of it as JSON or tables; write it into a page where that is wanted."""
    talk = not (options.json or options.markdown)
    facts = machine()
    if talk:
        print(machine_line(facts))
    busy = facts["load"]
    if isinstance(busy, float) and busy > cores() / 2:
        print(f"the machine is busy (load {busy}): the ratios will scatter", file=sys.stderr)
    report = Report()
    for result in results:
        if "missing" in result:
            unknown = {peer: why for peer, why in result["missing"].items() if peer not in report.missing}
            report.missing |= unknown
            if talk:
                for peer, why in unknown.items():
                    print(f"not installed: {peer} ({why})")
        elif "stopped" in result:
            report.stopped.append(result["stopped"])
            print(result["stopped"], file=sys.stderr)
        else:
            report.cases.append(result)
            if talk:
                print(text(result), flush=True)
    how = {name: getattr(options, name) for name in ("processes", "more", "rounds", "quick")}
    whole = {"machine": facts, **how, **vars(report)}
    states = Counter(state(each) for case in report.cases for each in case["targets"])
    if options.json:
        print(json.dumps(whole, indent=1))
    elif options.markdown:
        print(markdown(whole))
    else:
        print("targets:", ", ".join(f"{states[each]} {each}" for each in ("met", "tie", "MISSED", "not measured")))
    if options.into:
        paste(options.into, mark, markdown(whole), report.stopped)


def heading(report: Result) -> list[str]:
    """What tables begin with: the machine, and what was missing there."""
    rounds = f"{report['processes']} processes, {report['rounds']} rounds in each"
    if report["more"]:
        rounds += f"; {report['more']} more for cases with a target between the quartiles"
    lines = [f"Machine: {machine_line(report['machine'])}. {rounds}."]
    return lines + [f"Not installed: {peer} ({reason})." for peer, reason in report["missing"].items()]


def number(value: float | None) -> str:
    """A ratio as tables show it; nothing where there is none."""
    return "" if value is None else f"{value:.2f}"


def verdicts(report: Result, what: str) -> list[str]:
    """The table of what was found beside the targets, if there are any; ``what`` was found is the head of a column."""
    rows = []
    for case in report["cases"]:
        for each in case["targets"]:
            quartiles = " to ".join(map(number, each.get("quartiles") or ()))  # of a ratio of times
            rows.append((case["case"], each["what"], number(each["ratio"]), quartiles, each["target"], state(each)))
    return [table(("case", what, "found", "quartiles", "target", "verdict"), rows)] if rows else []


def left_out(report: Result) -> list[str]:
    """What tables end with: which peers were left out where, and why."""
    failed = [(case["case"], peer, reason) for case in report["cases"] for peer, reason in case["failed"].items()]
    return ["\n".join(f"- {name}: {peer} was left out: {reason}" for name, peer, reason in failed)] if failed else []
