"""Every message and form as it is sent, beside this file. To renew after a wanted change:

``RENEW_SNAPSHOTS=1 pytest tests/unit/bot/test_snapshots.py``, then read the diff as carefully as code.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"
RENEW = os.environ.get("RENEW_SNAPSHOTS") == "1"


def agrees(name: str, payload: object) -> bool:
    file = FOLDER / f"{name.replace(' ', '_').replace(chr(39), '')}.json"
    made = json.dumps(payload, indent=1, ensure_ascii=False) + "\n"
    if RENEW:
        file.write_text(made, encoding="utf-8")
    return file.is_file() and file.read_text(encoding="utf-8") == made


def test_messages_look_as_before(messages):
    changed = [
        name
        for name, message in messages.items()
        if not agrees(
            name,
            {
                "text": message.text,
                "blocks": message.blocks,
                "uploads": {
                    upload.name: upload.content if isinstance(upload.content, str) else upload.alt_text
                    for upload in message.uploads
                },
            },
        )
    ]

    assert not changed, "renew the snapshots if this is wanted, see the top of this file"


def test_forms_look_as_before(forms):
    assert [name for name, view in forms.items() if not agrees(name, view)] == []


def test_no_snapshot_is_left_over(messages, forms):
    names = {name.replace(" ", "_").replace("'", "") for name in [*messages, *forms]}

    assert {file.stem for file in FOLDER.glob("*.json")} == names
