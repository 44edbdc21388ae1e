"""`make config`."""

from __future__ import annotations

import re

from parley_core.settings import SECTIONS
from parley_local.config import config_table


def test_every_setting_stands_with_its_names_and_its_default() -> None:
    table = config_table()

    for model in SECTIONS.values():
        for name in model.model_fields:
            assert re.search(rf"^{name.upper()} ", table, re.MULTILINE)
    assert re.search(r"^WEBSOCKET_PORT +websocket\.port +8765$", table, re.MULTILINE)
    assert re.search(r"^REDIS_URL +redis\.url +redis://127\.0\.0\.1:6379/0$", table, re.MULTILINE)
    assert re.search(r"^SERVICE_TOKEN +system\.service_token +\(empty\)$", table, re.MULTILINE)
    assert re.search(r"^RESPONDER_PAUSES +langgraph\.responder_pauses +on$", table, re.MULTILINE)
    assert re.search(r"^SERVER_ID +system\.server_id +\(this machine's\)$", table, re.MULTILINE)
