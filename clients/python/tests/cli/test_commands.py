"""The commands as programs, against real services."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parley.bench.checker import check
from parley.bench.record import load
from parley_testing.ports import free_port

PARLEY = Path(sys.executable).with_name("parley")


def parley(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PARLEY, *arguments], input=given, capture_output=True, text=True, timeout=45, check=False
    )


def test_bench_prints_its_figures_and_keeps_the_records(stack: Any, tmp_path: Path) -> None:
    kept = tmp_path / "records.jsonl"
    load_options = ("--clients", "3", "--messages", "4", "--devices", "2", "--drop-every", "0.2")

    done = parley("bench", "--url", stack.url, *load_options, "--json", "--keep", str(kept))

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    figures = {line["figure"]: line["value"] for line in lines}
    assert done.returncode == 0, done.stdout + done.stderr
    assert (figures["texts"], figures["acknowledged"], figures["answered"]) == (12, 12, 12)
    assert (figures["lost"], figures["doubled"], figures["out_of_order"]) == (0, 0, 0)
    assert figures["ack_ms"]["p99"] > 0
    assert len(load(kept)) == 6
    assert check(load(kept)) == []


def test_bench_tells_what_a_turn_waits_beyond_its_own_time(stack: Any) -> None:
    load_options = ("--clients", "3", "--messages", "4", "--turns", "--turn-seconds", "0.001")

    done = parley("bench", "--url", stack.url, *load_options)

    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    figures = {line["figure"]: line["value"] for line in lines}
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 turns of 0.001 s" in done.stdout
    assert (figures["turns"], figures["cores"]) == (12, 1)
    assert figures["per_core"] > 0
    assert figures["added_ms"]["p50"] == pytest.approx(figures["answer_ms"]["p50"] - 1, abs=0.2)


def test_bench_of_turns_takes_no_rate(stack: Any) -> None:
    done = parley("bench", "--url", stack.url, "--turns", "--rate", "5")

    assert done.returncode == 2
    assert "--rate" in done.stderr


def test_chat_says_what_a_pipe_brings_and_waits_for_the_answers(stack: Any, user: str) -> None:
    said = "hello\n/topic winter\n/nonsense\nwhat is the topic?\n"

    done = parley("chat", "--url", stack.url, "--user", user, given=said)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[topic: winter]" in done.stdout
    assert "There is no command /nonsense" in done.stdout
    assert "Hello" in done.stdout


def test_chat_shows_the_history_and_the_sessions_of_before(stack: Any, user: str) -> None:
    parley("chat", "--url", stack.url, "--user", user, "--device", "phone", given="hello\n")

    done = parley("chat", "--url", stack.url, "--user", user, given="/history\n/sessions\n/quit\n")

    assert done.returncode == 0, done.stdout + done.stderr
    # Once as the session is opened, once on demand.
    assert done.stdout.count("phone: hello") == 2
    assert "* " in done.stdout


def test_chat_in_somebody_elses_session_ends_with_the_reason(stack: Any, user: str) -> None:
    opened = parley("chat", "--url", stack.url, "--user", user, given="/quit\n")
    session = opened.stdout.split()[1].rstrip("]")

    done = parley("chat", "--url", stack.url, "--user", f"{user}-2", "--session", session)

    assert done.returncode == 1
    assert "You are not in this session." in done.stdout


def test_doctor_finds_everything_well(stack: Any) -> None:
    processes = (*stack.edges, stack.worker, stack.presence)
    admins = [part for process in processes for part in ("--admin", process.admin_url)]

    done = parley("doctor", "--url", stack.url, *admins, "--presence", stack.presence_url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "from one device to another" in done.stdout
    assert len(re.findall(r"Redis \d+\.\d+\.\d+ up", done.stdout)) == 4


@pytest.mark.parametrize("what", ["--url", "--admin", "--presence"])
def test_doctor_fails_when_something_is_not_reachable(stack: Any, what: str) -> None:
    scheme = "ws" if what == "--url" else "http"
    options = {
        "--url": stack.url,
        "--admin": stack.worker.admin_url,
        "--presence": stack.presence_url,
        what: f"{scheme}://127.0.0.1:{free_port()}",
    }

    done = parley("doctor", *[part for option in options.items() for part in option])

    assert done.returncode == 1
    assert done.stdout.count("BAD") == 1
